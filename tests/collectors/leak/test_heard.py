"""What the file source hears, and what becomes of it for leak evidence."""

import os
import time
from pathlib import Path

import pytest

from collectors.leak.heard import Heard
from collectors.leak.lineage import Written
from collectors.sources.coalesce import Change, Kind
from collectors.sources.who import Process, Who

SOMEBODY = Who(70, "/usr/bin/editor", "park")


@pytest.fixture
def heard(tmp_path: Path) -> Heard:
    for name in ("설계", "stick"):
        (tmp_path / name).mkdir()
    return Heard((str(tmp_path / "설계"),), (), lambda pid: Process(Who(pid)))


def waiting(heard: Heard) -> list[str]:
    found = []
    while due := heard.pending.due_write(time.time() + 60):
        found.append(Path(due.path).name)
    return found


def signal(heard: Heard, kind: Kind, path: Path, volume: Path | None = None) -> None:
    heard.signal(Change(kind, str(path), time.time(), SOMEBODY), str(volume) if volume else None)


def sealed_later(heard: Heard, seconds: float) -> bool:
    return heard.lineage.of(Written(99, SOMEBODY, time.time() + seconds, sealed=True, examined=True)) is not None


def test_a_document_is_read_while_it_is_open_and_ten_minutes_longer(heard: Heard, tmp_path: Path) -> None:
    document = tmp_path / "설계" / "a"
    document.write_bytes(b"x")
    signal(heard, "opened", document)
    assert sealed_later(heard, 7200)
    signal(heard, "read", document)
    assert sealed_later(heard, 60)
    assert not sealed_later(heard, 7200)


def test_a_file_written_through_a_mapping_is_examined_once_it_is_closed(heard: Heard, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    written = stick / "a"
    written.write_bytes(b"\0" * 100)
    heard.change(Change("create", str(written), time.time(), SOMEBODY), str(stick))
    assert waiting(heard) == ["a"]
    signal(heard, "closed", written, stick)
    assert waiting(heard) == [], "nothing changed since it was noted"
    os.utime(written, ns=(1, time.time_ns() + 5))
    signal(heard, "closed", written, stick)
    assert waiting(heard) == ["a"]


def test_an_old_file_that_was_opened_for_writing_only_is_not_examined(heard: Heard, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    (stick / "a").write_bytes(b"x")
    os.utime(stick / "a", (1, 1))
    signal(heard, "closed", stick / "a", stick)
    assert waiting(heard) == []


def test_what_happens_elsewhere_is_passed_over(heard: Heard, tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"x")
    signal(heard, "closed", tmp_path / "b")
    signal(heard, "opened", tmp_path / "b")
    assert waiting(heard) == []
    assert not sealed_later(heard, 1)
