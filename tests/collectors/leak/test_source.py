"""Leak evidence without any right: inotify names nobody, so content alone speaks, also in a synchronised folder."""

import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from collectors.leak.heard import Heard
from collectors.leak.source import Leak
from collectors.sources.files import Files
from collectors.sources.memory import Memory
from collectors.sources.notified import Notified
from collectors.sources.who import Processes
from tests.lab.lab import Watching


class Desk:
    """A protected folder and a cloud drive's folder."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self.folder, self.cloud = (root / "설계").resolve(), (root / "cloud").resolve()
        self.folder.mkdir()
        self.cloud.mkdir()
        for number in range(5):
            (self.folder / f"도면-{number}.dwg").write_bytes(random.Random(number).randbytes(3000))
        processes = Processes()
        self.own = processes.own
        tops, out = (str(self.folder),), (str(self.cloud),)
        heard = Heard(tops, out, processes.find)
        files = Files(tops, Memory(root / "files.json"), processes, out, (heard,), watcher=lambda _: Notified())
        self.files = stack.enter_context(Watching(files))
        self.leak = stack.enter_context(Watching(Leak(heard, tops, (), root / "leak.db", processes.own)))
        self.leak.until(lambda: self.leak.feed.mode == "registry of protected documents")

    def evidence(self, name: str) -> dict[str, Any]:
        self.leak.until(lambda: self.leak.having(TargetName=name))
        told: dict[str, Any] = self.leak.having(TargetName=name)[0]
        return told


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with ExitStack() as stack:
        yield Desk(tmp_path, stack)


def test_a_document_put_into_a_synchronised_folder_is_told(desk: Desk) -> None:
    shutil.copyfile(desk.folder / "도면-3.dwg", desk.cloud / "메모.txt")
    told = desk.evidence("메모.txt")
    assert (told["Evidence"], told["Destination"], told["ProtectedName"]) == ("hash", "synced", "도면-3.dwg")
    assert "User" not in told
    desk.files.until(lambda: desk.files.having(Action="create", Synced=True))


def test_until_the_documents_are_taken_in_for_the_first_time_the_agent_says_what_it_cannot_know(desk: Desk) -> None:
    desk.leak.until(lambda: desk.leak.having(Kind="heartbeat"))
    (degraded,) = desk.leak.having(Kind="degraded")
    assert "not recognised yet" in degraded["Reason"]
    assert desk.leak.feed.state == "running"


def test_taking_the_documents_in_is_not_told_as_somebody_reading_them(desk: Desk) -> None:
    (desk.folder / "marker").write_text("x" * 100)
    desk.files.until(lambda: desk.files.having(TargetFilename=f"{desk.folder}/marker"))
    assert not desk.files.having(Action="read")


def test_a_file_whose_name_is_no_text_is_told_all_the_same(desk: Desk) -> None:
    odd = bytes(desk.cloud) + b"/\xff\xfe.bin"
    with open(odd, "wb") as file:  # noqa: PTH123 - pathlib takes no bytes
        file.write((desk.folder / "도면-1.dwg").read_bytes())
    assert desk.evidence("\\xff\\xfe.bin")["Evidence"] == "hash"


def test_an_index_that_is_lost_is_told_and_filled_again(desk: Desk, tmp_path: Path) -> None:
    [examining] = desk.own - {os.getpid()}
    os.kill(examining, signal.SIGKILL)
    for file in tmp_path.glob("leak.db*"):
        file.unlink()
    (desk.cloud / "a").write_text("nothing")
    assert desk.evidence("a")["Evidence"] == "not_examined", "the process had died: said, not passed over"
    (desk.cloud / "a").write_text("nothing again")
    desk.leak.until(lambda: desk.leak.having(Kind="blind"))
    desk.leak.until(lambda: desk.leak.feed.mode == "registry of protected documents")
    shutil.copyfile(desk.folder / "도면-2.dwg", desk.cloud / "b")
    assert desk.evidence("b")["Evidence"] == "hash"


@pytest.mark.parametrize("hurt", [lambda path: path.write_bytes(b"no database at all" * 500), Path.unlink])
def test_a_damaged_or_missing_index_is_made_anew(tmp_path: Path, hurt: Callable[[Path], object]) -> None:
    from collectors.leak.registry import Registry

    Registry(tmp_path / "leak.db").close()
    hurt(tmp_path / "leak.db")
    again = Registry(tmp_path / "leak.db")
    assert again.counts()["documents"] == 0
    assert (tmp_path / "leak.db").stat().st_mode & 0o077 == 0
    again.close()
