"""`python -m bench.leak FOLDER`: how fast the documents of a folder are taken into the registry, and what that takes.

Processor seconds of the examining process count, not the clock: it runs at the lowest priority.
"""

import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from collectors.examining.walk import files_below
from collectors.examining.worker import Worker
from collectors.leak.asked import Answer, Examine, Register, Sweep

_TICKS = os.sysconf("SC_CLK_TCK")


def main(folder: Path) -> None:
    files = [Path(path) for path in files_below(str(folder)) if path]
    size = sum(file.stat().st_size for file in files)
    with tempfile.TemporaryDirectory() as place:
        worker = Worker(("collectors.leak", f"{place}/leak.db"), Answer, partial(Answer, "failed"), set())
        worker.ask(Sweep())  # starts it: what loading the libraries takes is not the documents'
        for what, ask in (("registered", Register), ("looked at again", Register), ("examined", Examine)):
            began, before = time.monotonic(), _processor(worker)
            troubled = sum(bool(worker.ask(ask(bytes(file))).trouble) for file in files)
            took, wall = _processor(worker) - before, time.monotonic() - began
            rate = f"{len(files) / max(took, 0.01):.0f} files/s, {size / 1e6 / max(took, 0.01):.1f} MB/s of processor"
            _say(f"{what}: {len(files)} files, {size / 1e6:.1f} MB in {took:.1f} s of processor ({wall:.1f} s): {rate}")
            _say(f"  with something that could not be examined: {troubled}")
        _say(f"memory at the highest: {_status(worker, 'VmHWM')}")
        _say(f"index: {worker.ask(Sweep()).counts}")
        worker.close()


def _processor(worker: "Worker[Answer]") -> float:
    fields = Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _status(worker: "Worker[Answer]", name: str) -> str:
    lines = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(name))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
