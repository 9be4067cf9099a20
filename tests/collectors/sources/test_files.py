"""File access without root: every action on protected folders, and what was missed in between."""

import errno
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from collectors.sources import files
from collectors.sources.coalesce import Change
from collectors.sources.feed import Feed
from collectors.sources.files import Files, Watcher
from collectors.sources.memory import Memory
from collectors.sources.notified import Notified
from collectors.sources.who import Processes
from jikimi.domain.logsource import FILE_ACCESS
from tests.lab.lab import Watching

COUNT = 500


def unprivileged(_: Processes) -> Watcher:
    return Notified()


def watching_over(folder: Path, watcher: Callable[[Processes], Watcher] = unprivileged) -> Watching:
    """The source in a thread."""
    return Watching(Files((str(folder),), Memory(folder.parent / "files.json"), watcher=watcher))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    real = tmp_path.resolve() / "도면"
    real.mkdir()
    return real


def test_every_create_read_and_delete_is_told_once(folder: Path) -> None:
    made = [folder / f"{number}.dwg" for number in range(COUNT)]
    with watching_over(folder) as watching:
        for file in made:
            file.write_text("x")
        for file in made:
            file.read_text()
        for file in made:
            file.unlink()
        watching.until(lambda: len(watching.having(Action="delete")) >= COUNT)
    told = Counter((e["Action"], e["TargetFilename"]) for e in watching.events if "Action" in e)
    assert told == Counter((a, str(f)) for a in ("create", "read", "delete") for f in made)
    assert watching.feed.dropped == 0


def test_who_is_left_out_and_the_agent_says_that_it_cannot_know(folder: Path) -> None:
    with watching_over(folder) as watching:
        (folder / "a").write_text("1")
        watching.until(lambda: watching.having(Action="create"))
    (event,) = watching.having(Action="create")
    assert not {"Image", "User", "ProcessId"} & set(event)
    assert (event["Protected"], event["Removable"], event["SizeBytes"]) == (True, False, 1)
    (degraded,) = watching.having(Kind="degraded")
    assert "without root" in degraded["Reason"]
    assert watching.feed.state == "degraded"


def test_a_rename_is_told_with_both_names(folder: Path) -> None:
    (folder / "a").write_text("1")
    with watching_over(folder) as watching:
        (folder / "a").rename(folder / "b")
        watching.until(lambda: watching.having(Action="rename"))
    (event,) = watching.having(Action="rename")
    assert (event["SourceFilename"], event["TargetFilename"]) == (str(folder / "a"), str(folder / "b"))


def test_a_name_that_is_no_unicode_is_told_readably(folder: Path) -> None:
    with watching_over(folder) as watching:
        with open(os.path.join(os.fsencode(folder), b"\xb5\xb5.dwg"), "wb"):  # noqa: PTH118, PTH123 - bytes on purpose
            pass
        watching.until(lambda: watching.having(TargetFilename=f"{folder}/\\xb5\\xb5.dwg"))


def test_what_changed_while_nobody_watched_is_told_with_the_blind_time(folder: Path) -> None:
    with watching_over(folder) as first:
        pass
    assert not first.having(Kind="blind"), "a first start was never blind"
    (folder / "meanwhile").write_text("1")
    with watching_over(folder) as second:
        second.until(lambda: second.having(Action="modify", TargetFilename=str(folder / "meanwhile")))
    (blind,) = second.having(Kind="blind")
    assert blind["From"] <= blind["To"]


def test_what_still_waits_for_the_spool_is_looked_for_again_after_a_kill(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LOOK_AFTER", 0.0)
    feed, stop, memory = Feed("files", "pc"), threading.Event(), Memory(folder.parent / "files.json")
    thread = threading.Thread(target=Files((str(folder),), memory, watcher=unprivileged).run, args=(feed, stop))
    thread.start()
    try:
        wait_until(lambda: feed.state != "starting")
        (folder / "waits").write_text("1")
        wait_until(lambda: feed.seen > 0)
        told = time.time()
        wait_until(lambda: time.time() - told > 3)
        assert memory.load()["until"] <= told
    finally:
        stop.set()
        thread.join()


def wait_until(true: Callable[[], bool]) -> None:
    patience = time.monotonic() + 60
    while not true():
        assert time.monotonic() < patience
        time.sleep(0.05)


def test_a_queue_that_ran_over_is_a_gap_and_the_files_are_found_by_looking(folder: Path) -> None:
    """The kernel's overflow signal, with the changes it stands for left out."""

    class Overrun(Notified):
        def changes(self) -> list[Change]:
            return [] if (folder / "lost").exists() else super().changes()

        def overflowed(self) -> bool:
            return (folder / "lost").exists()

    with watching_over(folder, lambda _: Overrun()) as watching:
        (folder / "lost").write_text("1")
        watching.until(lambda: watching.having(Kind="gap"))
        watching.until(lambda: watching.having(TargetFilename=str(folder / "lost")))


def test_a_protected_folder_that_goes_and_comes_back_is_said_and_watched_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.sources.files.LOOK_AFTER", 0.1)
    with watching_over(folder) as watching:
        folder.rmdir()
        watching.until(lambda: "cannot be watched" in watching.feed.reason)
        folder.mkdir()
        watching.until(lambda: "cannot be watched" not in watching.feed.reason)
        (folder / "again").write_text("1")
        watching.until(lambda: watching.having(TargetFilename=str(folder / "again")))


def test_folders_without_a_watch_are_counted_in_the_reason(folder: Path) -> None:
    class Limited(Notified):
        def unwatched(self) -> int:
            super().unwatched()
            return 3 if not self._told else 0

    with watching_over(folder, lambda _: Limited()) as watching:
        assert "folders could not be watched" in watching.feed.reason


def test_a_kernel_that_refuses_is_an_error_for_the_supervisor(folder: Path) -> None:
    def refuse(_: Processes) -> Watcher:
        raise OSError(errno.EMFILE, "too many")

    feed = Feed("files", "pc")
    with pytest.raises(OSError, match="too many"):
        Files((str(folder),), Memory(folder.parent / "m.json"), watcher=refuse).run(feed, threading.Event())
    assert feed.state == "starting"
    assert FILE_ACCESS.category == "file_access"


def test_what_an_earlier_life_missed_is_looked_for_until_it_is_in_the_spool(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent that is killed again while it catches up must not believe that it had."""
    monkeypatch.setattr("collectors.sources.files.LOOK_AFTER", 0.0)
    monkeypatch.setattr("collectors.sources.files.UNTOLD", 0.0)
    memory = Memory(folder.parent / "files.json")
    missed = time.time() - 100
    memory.save({"until": missed, "folders": [str(folder)]})
    (folder / "written meanwhile").write_text("x")
    feed, stop = Feed("files", "pc"), threading.Event()
    source = threading.Thread(target=Files((str(folder),), memory, watcher=unprivileged).run, args=(feed, stop))
    source.start()
    try:
        for number in range(3):
            (folder / str(number)).write_text("x")  # so that it takes another turn
            time.sleep(1.1)
            assert memory.load()["until"] == missed
        feed.kept(feed.take(1000))
        deadline = time.monotonic() + 60
        while memory.load()["until"] == missed:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        stop.set()
        source.join(30)
