"""On a full disk appends fail clearly, reading goes on, and deleting still works."""

import os
import sqlite3
import time
from pathlib import Path

import pytest

from jikimi.errors import Transient
from jikimi.stream.ballast import Ballast
from jikimi.stream.port import NewRecord
from jikimi.stream.sqlite import SqliteEventLog
from jikimi.stream.sqlite_writer import Transaction
from tests.small_disk import hog

MB = 1 << 20
RECORD = NewRecord(b"k", os.urandom(100_000))


def fill(log: SqliteEventLog) -> int:
    """Append until the log refuses; how many it took."""
    taken = 0
    while True:
        try:
            log.append_blocking("spool", [RECORD])
        except Transient:
            return taken
        taken += 1


class TestLowDisk:
    """With a disk that only says it is short: needs no root."""

    def test_appends_are_refused_below_the_high_water_mark(self, tmp_path: Path) -> None:
        """The sentence names the folder; once there is room again the log takes records again."""
        free = 100 * MB
        log = SqliteEventLog.open(tmp_path / "log", ballast_bytes=0, reserve_bytes=32 * MB, free=lambda _: free)
        log.append_blocking("spool", [RECORD])
        free = 31 * MB
        with pytest.raises(Transient, match=str(tmp_path / "log")):
            log.append_blocking("spool", [RECORD])
        assert log.bounds("spool") is not None
        free = 100 * MB
        log.append_blocking("spool", [RECORD])
        log.close_blocking()

    def test_trimming_works_and_gives_the_space_back(self, tmp_path: Path) -> None:
        """Freed pages leave the file while the disk is short, instead of waiting for appends that are refused."""
        free = 100 * MB
        folder = tmp_path / "log"
        log = SqliteEventLog.open(folder, partitions=1, ballast_bytes=0, reserve_bytes=32 * MB, free=lambda _: free)
        log.append_blocking("spool", [RECORD] * 50)
        free = 0
        assert log.trim_blocking("spool", 0, 49) == 49
        deadline = time.monotonic() + 60
        while (folder / "log.db").stat().st_size >= 2 * MB and time.monotonic() < deadline:
            time.sleep(0.02)
        assert (folder / "log.db").stat().st_size < 2 * MB
        log.close_blocking()

    def test_a_full_file_refuses_appends_and_takes_them_again_after_a_trim(self, tmp_path: Path) -> None:
        """SQLite's own "full", brought about by a page limit: nothing of the refused append is kept."""
        log = SqliteEventLog.open(tmp_path / "log", partitions=1, ballast_bytes=MB)
        log.append_blocking("spool", [RECORD] * 3)
        log._connection.execute("PRAGMA max_page_count = 64")
        taken = 3 + fill(log)
        assert log.bounds("spool") == {0: (0, taken)}
        assert log.trim_blocking("spool", 0, taken) == taken
        assert log.append_blocking("spool", [RECORD]) == [(0, taken)]
        log.close_blocking()

    def test_trimming_throws_the_ballast_off_when_even_a_delete_finds_no_room(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A disk that is full as long as the ballast lies on it: appends fail and keep it, a trim gets through."""
        log = SqliteEventLog.open(tmp_path / "log", partitions=1, ballast_bytes=MB)
        log.append_blocking("spool", [RECORD] * 5)
        log.append_blocking("spool", [RECORD] * 5)
        ballast = tmp_path / "log" / "ballast"
        assert ballast.exists()
        finish = Transaction.finish

        def commit(transaction: Transaction) -> None:
            if ballast.exists():
                full = sqlite3.OperationalError("database or disk is full")
                full.sqlite_errorname = "SQLITE_FULL"
                raise full
            finish(transaction)

        monkeypatch.setattr(Transaction, "finish", commit)
        with pytest.raises(Transient, match="is full"):
            log.append_blocking("spool", [RECORD])
        assert ballast.exists()
        assert log.trim_blocking("spool", 0, 7) == 7
        log.close_blocking()


class TestBallast:
    def test_is_really_allocated(self, tmp_path: Path) -> None:
        assert Ballast(tmp_path, 3 * MB).take()
        assert (tmp_path / "ballast").stat().st_blocks * 512 >= 3 * MB

    def test_can_be_dropped_once_and_taken_again(self, tmp_path: Path) -> None:
        ballast = Ballast(tmp_path, MB)
        ballast.take()
        assert ballast.drop()
        assert not ballast.drop()
        assert not ballast.aboard
        assert ballast.take()
        assert ballast.aboard

    def test_is_taken_when_a_log_opens(self, tmp_path: Path) -> None:
        log = SqliteEventLog.open(tmp_path / "log", ballast_bytes=2 * MB)
        log.append_blocking("spool", [RECORD])
        log.close_blocking()
        assert (tmp_path / "log" / "ballast").stat().st_size == 2 * MB


@pytest.mark.root
class TestFullDisk:
    """On a real file system with no byte left."""

    def test_can_be_emptied_read_and_used_again(self, small_disk: Path) -> None:
        folder = small_disk / "log"
        log = SqliteEventLog.open(folder, partitions=1, reserve_bytes=2 * MB)
        taken = fill(log)
        eaten = hog(small_disk)
        with pytest.raises(Transient, match="free some space"):
            log.append_blocking("spool", [RECORD])
        assert log.trim_blocking("spool", 0, taken - 1) == taken - 1
        assert log.bounds("spool") == {0: (taken - 1, taken)}
        eaten.unlink()
        assert log.append_blocking("spool", [RECORD]) == [(0, taken)]
        log.close_blocking()

    def test_opens_by_throwing_the_ballast_off(self, small_disk: Path) -> None:
        """A restart on a disk without one free byte still comes up, and can delete."""
        folder = small_disk / "log"
        log = SqliteEventLog.open(folder, partitions=1, reserve_bytes=2 * MB)
        taken = fill(log)
        log.close_blocking()
        assert (folder / "ballast").exists()
        hog(small_disk)
        again = SqliteEventLog.open(folder, partitions=1, reserve_bytes=2 * MB)
        assert not (folder / "ballast").exists()
        assert again.trim_blocking("spool", 0, taken) == taken
        again.close_blocking()
