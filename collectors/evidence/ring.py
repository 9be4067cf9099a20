"""One run of dumpcap (Wireshark's capture program) that writes a ring of files into a folder of its own."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from collectors.evidence.settings import MEGABYTE, CaptureSettings
from jikimi.domain.evidence import narrowed
from jikimi.errors import Transient

START_WITHIN = 10.0
STOP_WITHIN = 10.0

_COUNTS = re.compile(r"Packets received/dropped on interface '[^']*': (\d+)/(\d+)")
_PID = "dumpcap.pid"


class Ring:
    """Captures until `stop` what the settings' filter and `asked` both let through. Raises Transient when dumpcap is
    missing, may not or cannot capture, Misconfigured when `asked` is no filter."""

    def __init__(self, settings: CaptureSettings, folder: Path, asked: str = "") -> None:
        self.filter = narrowed(settings.filter, asked) if asked else settings.filter
        program = shutil.which("dumpcap")
        if program is None:
            raise Transient("dumpcap is not installed (Debian and Ubuntu: apt install wireshark-common)")
        free = shutil.disk_usage(folder.parent).free
        if free < 2 * settings.ring_bytes:
            needed = 2 * settings.ring_bytes // MEGABYTE
            raise Transient(f"{folder.parent}: {free // MEGABYTE} MiB free, two rings need {needed}")
        folder.mkdir(mode=0o700)
        self.folder = folder
        self.received = self.dropped = 0
        """Packets, known when stopped; `dropped` found no room in the kernel's or dumpcap's buffer."""
        command = [program, "-q", "-i", settings.interface, "-w", str(folder / "ring.pcapng")]
        command += ["-b", f"filesize:{settings.megabytes_each * 1024}", "-b", f"files:{settings.files}"]
        command += ["-s", str(settings.snap)] if settings.snap else []
        command += ["-f", self.filter] if self.filter else []
        self._said = (folder / "dumpcap.log").open("w+b")
        self._process = subprocess.Popen(  # noqa: S603 - no shell; the settings are the owner's
            command, stdin=subprocess.DEVNULL, stdout=self._said, stderr=self._said
        )
        (folder / _PID).write_text(str(self._process.pid))
        try:
            self._wait_for_the_first_file()
        except Transient:
            self.stop()
            shutil.rmtree(folder)
            raise

    def runs(self) -> bool:
        return self._process.poll() is None

    def files(self) -> list[Path]:
        """The capture files, the oldest first."""
        return sorted(self.folder.glob("*.pcapng"), key=lambda path: path.stat().st_mtime_ns)

    def stop(self) -> None:
        """Ends the capture; every packet received by then is in the files."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if counts := _COUNTS.search(self.said()):
            self.received, self.dropped = int(counts[1]), int(counts[2])
        self._said.close()

    def said(self) -> str:
        """What dumpcap wrote, of which the end is kept."""
        self._said.seek(0)
        return self._said.read()[-4096:].decode("utf-8", "replace")

    def _wait_for_the_first_file(self) -> None:
        end = time.monotonic() + START_WITHIN
        while not self.files():
            if not self.runs():
                raise Transient(f"dumpcap cannot capture: {_reason(self.said())}")
            if time.monotonic() > end:
                raise Transient(f"dumpcap did not begin within {START_WITHIN:.0f} s")
            time.sleep(0.05)


def _reason(said: str) -> str:
    """The sentence that says why, among what dumpcap writes."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("Capturing on", "File:", "dumpcap:", "Packets"))]
    return told[0] if told else "it ended without a word"


def end_leftovers(folder: Path) -> None:
    """Rings of an agent that was killed: their dumpcap is ended, their files are removed."""
    for old in folder.glob("ring-*"):
        with contextlib.suppress(OSError, ValueError):
            pid = int((old / _PID).read_text())
            if str(old).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGTERM)
        shutil.rmtree(old, ignore_errors=True)
