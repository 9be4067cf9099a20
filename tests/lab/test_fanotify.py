"""File access as root: every action, with who did it."""

import errno
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.sources.by_descriptor import ByDescriptor
from collectors.sources.files import Files
from collectors.sources.memory import Memory
from collectors.sources.trees import Trees
from collectors.sources.who import Processes
from tests.lab.lab import Watching, do, mounted, stick, unmount

COUNT = 2_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    real = (tmp_path / "protected").resolve()
    real.mkdir()
    try:
        Trees(Processes()).close()
    except OSError as error:
        pytest.skip(f"this kernel grants no fanotify: {error}")
    return real


@pytest.fixture
def watching(folder: Path, tmp_path: Path) -> Iterator[Watching]:
    with Watching(Files((str(folder),), Memory(tmp_path / "files.json"))) as started:
        assert started.feed.mode == "fanotify"
        yield started


def python(code: str, *words: str | Path) -> int:
    """Run `code` in another process; its id."""
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, words)])
    assert process.wait() == 0
    return process.pid


def test_every_create_read_and_delete_is_told_once_with_its_process(folder: Path, watching: Watching) -> None:
    """2,000 files, each created, read and deleted: 6,000 of 6,000."""
    pid = python(
        f"import sys\nfrom pathlib import Path\nfiles = [Path(sys.argv[1], str(n)) for n in range({COUNT})]\n"
        "for n, f in enumerate(files): f.write_text('x' * n)\n"
        "for f in files: f.read_text()\n"
        "for f in files: f.unlink()",
        folder,
    )
    watching.until(lambda: len(watching.having(Action="delete")) >= COUNT)
    counts = Counter((event["Action"], event["TargetFilename"]) for event in watching.events)
    assert counts == Counter((a, f"{folder}/{n}") for a in ("create", "read", "delete") for n in range(COUNT))
    assert {event["ProcessId"] for event in watching.events} == {pid}
    assert {event["User"] for event in watching.events} == {"root"}
    assert all(Path(event["Image"]).name.startswith("python") for event in watching.events)
    assert watching.feed.dropped == 0


def test_a_document_moved_out_is_told_with_both_names(folder: Path, watching: Watching, tmp_path: Path) -> None:
    (folder / "a").write_text("1")
    do("mv", folder / "a", tmp_path / "elsewhere")
    watching.until(lambda: watching.having(Action="rename"))
    event = watching.having(Action="rename")[0]
    assert (event["SourceFilename"], event["TargetFilename"]) == (f"{folder}/a", f"{tmp_path}/elsewhere")
    assert event["Protected"] is True


def test_files_elsewhere_on_the_same_disk_are_nobodys_business(
    folder: Path, watching: Watching, tmp_path: Path
) -> None:
    (tmp_path / "private").write_text("1")
    do("mv", tmp_path / "private", tmp_path / "other")
    do("touch", folder / "end")
    watching.until(lambda: watching.having(TargetFilename=f"{folder}/end"))
    assert {event["TargetFilename"] for event in watching.events} == {f"{folder}/end"}


def test_folders_made_and_renamed_later_are_watched_under_their_new_names(folder: Path, watching: Watching) -> None:
    do("mkdir", "-p", folder / "x" / "y")
    do("touch", folder / "x" / "y" / "early")
    watching.until(lambda: watching.having(TargetFilename=f"{folder}/x/y/early", Action="create"))
    do("mv", folder / "x", folder / "z")
    do("cat", folder / "z" / "y" / "early")
    watching.until(lambda: watching.having(TargetFilename=f"{folder}/z/y/early", Action="read"))


def test_what_the_agent_itself_does_is_not_told(folder: Path, watching: Watching) -> None:
    """The source runs in this process, so this process is the agent."""
    (folder / "mine").write_text("1")
    do("touch", folder / "theirs")
    watching.until(lambda: watching.having(TargetFilename=f"{folder}/theirs"))
    assert not watching.having(TargetFilename=f"{folder}/mine")


def test_a_queue_that_ran_over_is_a_gap_and_the_files_are_found_by_looking(folder: Path, tmp_path: Path) -> None:
    """With a queue of 500 and a reader that sleeps: told as a gap, every file still told."""

    class Sleepy(Trees):
        def changes(self) -> list:  # type: ignore[type-arg]
            while not (folder / "done").exists():
                time.sleep(0.05)
            return super().changes()

    def small(processes: Processes) -> Trees:
        limit = Path("/proc/sys/fs/fanotify/max_queued_events")
        before = limit.read_text()
        limit.write_text("500")
        try:
            return Sleepy(processes, unlimited=False)
        finally:
            limit.write_text(before)

    with Watching(Files((str(folder),), Memory(tmp_path / "files.json"), watcher=small)) as watching:
        count = 1_500
        python(
            "import os, sys\n"
            f"for n in range({count}):\n"
            "    f = os.path.join(sys.argv[1], str(n)); open(f, 'w').close(); os.close(os.open(f, os.O_RDONLY))\n"
            "open(os.path.join(sys.argv[1], 'done'), 'w').close()",
            folder,
        )
        watching.until(lambda: watching.having(Kind="gap"))
        wanted = {f"{folder}/{n}" for n in range(count)}
        watching.until(lambda: wanted <= {event.get("TargetFilename") for event in watching.look()})


def test_a_stick_is_watched_at_once_and_stays_removable(tmp_path: Path, folder: Path) -> None:
    """A copy to a stick mounted a moment ago is told; the agent never keeps the stick busy."""
    source = Files((str(folder),), Memory(tmp_path / "files.json"), loop_is_removable=True)
    (folder / "plan.dwg").write_text("secret")
    with stick(tmp_path / "stick.img", label="TRIAL") as device, Watching(source) as watching:
        with mounted(device, tmp_path / "media") as point:
            watching.until(lambda: do("touch", point / "first") or watching.having(TargetFilename=f"{point}/first"))
            do("cp", folder / "plan.dwg", point / "plan.dwg")
            watching.until(lambda: watching.having(TargetFilename=f"{point}/plan.dwg", Action="create"))
        copied = watching.having(TargetFilename=f"{point}/plan.dwg", Action="create")[0]
        read = watching.having(TargetFilename=f"{folder}/plan.dwg", Action="read")[0]
        assert (copied["Removable"], copied["Protected"], copied["SizeBytes"]) == (True, False, 6)
        assert (read["Removable"], read["Protected"]) == (False, True)
        assert copied["ProcessId"] == read["ProcessId"]


def test_what_was_put_on_a_stick_in_the_moment_it_was_mounted_is_told(tmp_path: Path, folder: Path) -> None:
    """`mount && cp` in a script is faster than any watcher."""
    source = Files((str(folder),), Memory(tmp_path / "files.json"), loop_is_removable=True)
    point = tmp_path / "media"
    point.mkdir()
    with stick(tmp_path / "stick.img", label="TRIAL") as device, Watching(source) as watching:
        do("sh", "-c", f"mount /dev/{device} {point} && mkdir -p {point}/a/b && echo x > {point}/a/b/plan.dwg")
        try:
            watching.until(lambda: watching.having(TargetFilename=f"{point}/a/b/plan.dwg"))
        finally:
            unmount(point)


def test_what_was_put_on_a_stick_while_no_agent_ran_is_told(tmp_path: Path, folder: Path) -> None:
    source = Files((str(folder),), Memory(tmp_path / "files.json"), loop_is_removable=True)
    with stick(tmp_path / "stick.img", label="TRIAL") as device, mounted(device, tmp_path / "media") as point:
        with Watching(source):
            pass
        do("touch", point / "meanwhile")
        with Watching(source) as watching:
            watching.until(lambda: watching.having(TargetFilename=f"{point}/meanwhile", Action="modify"))


def test_files_in_a_new_folder_of_a_stick_are_told_of_their_own_maker_only(tmp_path: Path, folder: Path) -> None:
    source = Files((str(folder),), Memory(tmp_path / "files.json"), loop_is_removable=True)
    with stick(tmp_path / "stick.img", label="TRIAL") as device, Watching(source) as watching:
        with mounted(device, tmp_path / "media") as point:
            watching.until(lambda: do("touch", point / "first") or watching.having(TargetFilename=f"{point}/first"))
            do("sh", "-c", f"mkdir {point}/a && touch {point}/a/b")
            watching.until(lambda: watching.having(TargetFilename=f"{point}/a/b"))
            do("sh", "-c", f"mv {point}/a {point}/c && touch {point}/last")
            watching.until(lambda: watching.having(TargetFilename=f"{point}/last"))
        assert len(watching.having(TargetFilename=f"{point}/a/b", Action="create")) == 1
        assert watching.having(TargetFilename=f"{point}/c/b") == []


def test_a_stick_stays_watched_when_a_second_mount_of_it_goes_and_when_it_comes_back_elsewhere(
    tmp_path: Path, folder: Path
) -> None:
    source = Files((str(folder),), Memory(tmp_path / "files.json"), loop_is_removable=True)
    first, second = tmp_path / "first", tmp_path / "second"
    second.mkdir()
    with stick(tmp_path / "stick.img", label="TRIAL") as device, Watching(source) as watching:

        def watched(point: Path) -> None:
            watching.until(lambda: do("touch", point / "x") or watching.having(TargetFilename=f"{point}/x"))

        with mounted(device, first):
            do("mkdir", first / "in")
            watched(first / "in")
            do("mount", "--bind", first, second)
            time.sleep(1.5)  # seen as a mount of its own
            unmount(second)
            time.sleep(1.5)
            do("touch", first / "in" / "after")
            watching.until(lambda: watching.having(TargetFilename=f"{first}/in/after", Removable=True))
        with mounted(device, second):
            watched(second / "in")
            assert watching.having(TargetFilename=f"{second}/in/x", Removable=True)


def test_a_volume_that_fanotify_cannot_watch_is_watched_without_who_and_that_is_said(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where files have no handles (ENODEV) and descriptors are refused too."""

    def refuse_descriptors(top: str, _: Processes) -> ByDescriptor:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), top)

    def refuse(trees: Trees, path: str, *, volume: bool) -> None:
        if volume:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV), path)
        watch(trees, path, volume=volume)

    watch = Trees.watch
    monkeypatch.setattr(Trees, "watch", refuse)
    monkeypatch.setattr("collectors.sources.blended.ByDescriptor", refuse_descriptors)
    source = Files((str(folder),), Memory(tmp_path / "files.json"), loop_is_removable=True)
    with stick(tmp_path / "stick.img", label="TRIAL") as device, Watching(source) as watching:
        with mounted(device, tmp_path / "media") as point:
            watching.until(lambda: watching.having(Kind="degraded"))
            do("touch", point / "copied", folder / "kept")
            watching.until(lambda: watching.having(TargetFilename=f"{point}/copied", Removable=True))
            watching.until(lambda: watching.having(TargetFilename=f"{folder}/kept"))
        watching.until(lambda: watching.having(Kind="heartbeat"))
    assert str(point) in watching.having(Kind="degraded")[0]["Reason"]
    assert all("ProcessId" not in event for event in watching.having(TargetFilename=f"{point}/copied"))
    assert all("ProcessId" in event for event in watching.having(TargetFilename=f"{folder}/kept"))
