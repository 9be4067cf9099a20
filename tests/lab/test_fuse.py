"""File systems in user space (FUSE), as many sticks are mounted: who writes and reads on them is told as well."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from collectors.sources.executions import Executions
from collectors.sources.files import Files
from collectors.sources.kernel_records import KernelRecords
from collectors.sources.memory import Memory
from collectors.sources.owners import Owners
from collectors.sources.who import Processes
from tests.lab.lab import Watching, do, unmount

NEEDED = [tool for tool in ("bindfs", "ntfs-3g", "mkfs.ntfs") if shutil.which(tool) is None]
pytestmark = pytest.mark.skipif(bool(NEEDED), reason=f"needs {', '.join(NEEDED)} (Debian: bindfs, ntfs-3g)")


@contextmanager
def ntfs_stick(image: Path, point: Path) -> Iterator[Path]:
    """As udisks mounts one where the kernel has no driver of its own."""
    with image.open("wb") as file:
        file.truncate(24 << 20)
    do("mkfs.ntfs", "-q", "-F", image)
    device = do("losetup", "--find", "--show", image).strip()
    point.mkdir()
    try:
        do("ntfs-3g", device, point)
        try:
            yield point
        finally:
            unmount(point)
    finally:
        do("losetup", "--detach", device)


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[Path]:
    with ntfs_stick(tmp_path / "stick.img", (tmp_path / "stick").resolve()) as point:
        yield point


@pytest.fixture
def processes() -> Iterator[Processes]:
    """Fed by the kernel, as in the agent."""
    table = Processes()
    with Watching(Executions(KernelRecords(table, Owners()), tell=False)):
        yield table


@pytest.fixture
def watching(stick: Path, processes: Processes, tmp_path: Path) -> Iterator[Watching]:
    with Watching(Files((), Memory(tmp_path / "files.json"), processes, loop_is_removable=True)) as started:
        started.until(lambda: str(stick) in started.feed.reason)
        yield started


def shell(line: str, *words: Path) -> int:
    """Run by another program; its process id."""
    process = subprocess.Popen(["sh", "-c", line, "sh", *map(str, words)])
    assert process.wait() == 0
    return process.pid


def test_copies_reads_and_changes_on_a_stick_are_told_with_their_program(watching: Watching, stick: Path) -> None:
    told = watching.having
    shell('cp /etc/passwd "$1/copy"; cat "$1/copy" > /dev/null', stick)
    watching.until(lambda: told(Action="read"))
    (created,) = told(Action="create", TargetFilename=f"{stick}/copy")
    assert (Path(created["Image"]).name, created["User"], created["Removable"]) == ("cp", "root", True)
    assert created["SizeBytes"] == Path("/etc/passwd").stat().st_size
    assert [Path(event["Image"]).name for event in told(Action="read")] == ["cat"]
    time.sleep(1.2)
    writer = shell('echo more >> "$1/copy"', stick)
    watching.until(lambda: told(Action="modify"))
    assert [event["ProcessId"] for event in told(Action="modify")] == [writer]
    do("mv", stick / "copy", stick / "other")
    do("rm", stick / "other")
    watching.until(lambda: told(Action="delete"))
    assert [event["TargetFilename"] for event in told(Action="rename")] == [f"{stick}/other"]
    assert "not who renamed or deleted" in watching.feed.reason


def test_five_hundred_short_copies_are_each_told_once_with_their_process(watching: Watching, stick: Path) -> None:
    pids = {shell('echo $$ > "$1/$2"', stick, Path(str(number))) for number in range(500)}
    watching.until(lambda: len(watching.having(Action="create")) >= 500)
    created = watching.having(Action="create")
    assert len({event["TargetFilename"] for event in created}) == len(created) == 500
    assert {event.get("ProcessId") for event in created} == pids


def test_a_stick_can_be_ejected_right_after_the_copy(watching: Watching, stick: Path) -> None:
    """fanotify's descriptors hold a volume; nobody who ejects should notice."""
    shell('for n in 1 2 3 4 5 6 7 8 9; do cp /etc/passwd "$1/$n"; done', stick)
    unmount(stick, tries=5)  # soon, though a reader on a busy machine must get its turn first; telling takes longer
    watching.until(lambda: len(watching.having(Action="create")) == 9)
    do(
        "ntfs-3g",
        do("losetup", "--list", "--noheadings", "--output", "NAME", "-j", stick.with_suffix(".img")).strip(),
        stick,
    )


def test_a_protected_folder_behind_fuse_names_its_readers(processes: Processes, tmp_path: Path) -> None:
    source, folder = tmp_path / "source", (tmp_path / "shown").resolve()
    source.mkdir()
    folder.mkdir()
    do("bindfs", source, folder)
    try:
        with Watching(Files((str(folder),), Memory(tmp_path / "files.json"), processes)) as watching:
            shell('echo 1 > "$1/drawing"; cat "$1/drawing" > /dev/null', folder)
            watching.until(lambda: watching.having(Action="read"))
            assert Path(watching.having(Action="read")[0]["Image"]).name == "cat"
            assert watching.having(Action="create")[0]["Protected"] is True
    finally:
        unmount(folder)
