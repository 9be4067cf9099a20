"""The process table fed by the kernel: every start seen, every short-lived process named."""

import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.sources.executions import Executions
from collectors.sources.files import Files
from collectors.sources.kernel_records import KernelRecords
from collectors.sources.memory import Memory
from collectors.sources.owners import Owners
from collectors.sources.who import Processes
from tests.lab.lab import Watching, do

READERS, DELETIONS = 1_000, 50_000


@pytest.fixture
def records() -> KernelRecords:
    processes = Processes()
    fed = KernelRecords(processes, Owners(processes))
    try:
        fed.open()
    except OSError as error:
        pytest.skip(f"this kernel records no processes for us: {error}")
    fed.close()
    return fed


@pytest.fixture
def starts(records: KernelRecords) -> Iterator[Watching]:
    with Watching(Executions(records)) as watching:
        yield watching


def files(folder: Path, records: KernelRecords) -> Files:
    folder.mkdir()
    return Files((str(folder.resolve()),), Memory(folder.with_suffix(".json")), records.processes)


def test_a_start_is_told_with_its_command_line_and_where_it_came_from(starts: Watching) -> None:
    do("sh", "-c", "sleep 0.3 # marked")
    starts.until(lambda: starts.having(CommandLine="sleep 0.3"))
    child, shell = starts.having(CommandLine="sleep 0.3")[0], starts.having(CommandLine="sh -c sleep 0.3 # marked")[0]
    assert child["Image"].endswith("/sleep")
    assert child["User"] == "root"
    assert child["ParentProcessId"] in (shell["ProcessId"], shell["ParentProcessId"])  # a shell may exec its last word
    assert shell["ParentImage"].endswith(Path(sys.executable).resolve().name)
    assert shell["CurrentDirectory"] == str(Path.cwd())


def test_a_thousand_programs_in_a_row_are_a_thousand_starts(starts: Watching, tmp_path: Path) -> None:
    ours = tmp_path / "ours"  # other work on this machine starts programs too
    shutil.copy("/bin/true", ours)
    do("sh", "-c", f"for n in $(seq {READERS}); do {ours}; done")
    starts.until(lambda: len(starts.having(Image=str(ours))) >= READERS)
    told = starts.having(Image=str(ours))
    assert len(told) == len({event["ProcessId"] for event in told}) == READERS
    assert {event["User"] for event in told} == {"root"}
    assert all(event["ParentImage"] for event in told)
    assert not starts.having(Kind="gap")


def test_a_thousand_short_lived_readers_are_all_named(records: KernelRecords, starts: Watching, tmp_path: Path) -> None:
    """Each `cat` lives about a millisecond; every read has its image and its user."""
    with Watching(files(tmp_path / "secret", records)) as watching:
        (tmp_path / "secret" / "plan").write_text("1")
        do("sh", "-c", f"for n in $(seq {READERS}); do cat {tmp_path}/secret/plan; done")
        watching.until(lambda: len(watching.having(Action="read")) >= READERS)
    reads = watching.having(Action="read")
    assert len({event["ProcessId"] for event in reads}) == READERS
    assert Counter((Path(e["Image"]).name, e["User"]) for e in reads) == {("cat", "root"): READERS}


def test_fifty_thousand_deletions_are_all_named(records: KernelRecords, starts: Watching, tmp_path: Path) -> None:
    with Watching(files(tmp_path / "secret", records), capacity=200_000) as watching:
        make = "import os, sys\nos.chdir(sys.argv[1])\nfor n in range(int(sys.argv[2])): os.mknod(str(n))"
        subprocess.run([sys.executable, "-c", make, tmp_path / "secret", str(DELETIONS)], check=True)
        do("find", tmp_path / "secret", "-type", "f", "-delete")
        deadline = time.monotonic() + 60
        while len(watching.having(Action="delete")) < DELETIONS and time.monotonic() < deadline:
            time.sleep(0.5)
    deleted = watching.having(Action="delete")
    assert len({event["TargetFilename"] for event in deleted}) == len(deleted) == DELETIONS
    assert Counter((Path(e["Image"]).name, e["User"]) for e in deleted) == {("find", "root"): DELETIONS}
    assert watching.feed.dropped == 0
