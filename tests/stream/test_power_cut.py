"""What append returned survives a power cut at synchronous=FULL, and would not at NORMAL."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jikimi.stream.sqlite import SqliteEventLog

APPENDS = 40

_WRITER = """
import sys
from pathlib import Path
from jikimi.stream.port import NewRecord
from jikimi.stream.sqlite import SqliteEventLog
log = SqliteEventLog.open(Path(sys.argv[1]), partitions=1, ballast_bytes=0, synchronous=sys.argv[2])
for number in range(int(sys.argv[3])):
    [(_, offset)] = log.append_blocking("events", [NewRecord(b"k", b"%d" % number)])
    print(offset, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("simulating a power cut needs gcc on Linux")
    library = tmp_path_factory.mktemp("powercut") / "powercut.so"
    source = Path(__file__).with_name("powercut.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


def cut_the_power(shim: Path, tmp_path: Path, synchronous: str) -> tuple[list[int], Path]:
    """(acknowledged offsets, the folder as the disk holds it) after a kill in the middle of the writer's life."""
    folder, disk = tmp_path / "log", tmp_path / "disk"
    disk.mkdir()
    preload = {"LD_PRELOAD": str(shim), "POWERCUT_FOLDER": str(folder), "POWERCUT_DISK": str(disk)}
    command = [sys.executable, "-c", _WRITER, str(folder), synchronous, str(APPENDS)]
    with subprocess.Popen(
        command, env=os.environ | preload, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline()) for _ in range(APPENDS)]
        writer.kill()
    return acknowledged, disk


def survivors(disk: Path) -> int:
    log = SqliteEventLog.open(disk, partitions=1, ballast_bytes=0)
    try:
        return log.bounds("events")[0][1]
    finally:
        log.close_blocking()


def test_full_keeps_every_acknowledged_record(shim: Path, tmp_path: Path) -> None:
    acknowledged, disk = cut_the_power(shim, tmp_path, "FULL")
    assert acknowledged == list(range(APPENDS))
    assert survivors(disk) == APPENDS


def test_normal_loses_acknowledged_records(shim: Path, tmp_path: Path) -> None:
    """The control: if this passed like FULL does, the test above would prove nothing."""
    acknowledged, disk = cut_the_power(shim, tmp_path, "NORMAL")
    assert acknowledged == list(range(APPENDS))
    assert survivors(disk) < APPENDS
