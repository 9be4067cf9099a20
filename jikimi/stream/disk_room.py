"""The embedded log on a short disk: refuse appends in time, keep deletion possible, give space back."""

import contextlib
import sqlite3
from pathlib import Path

from jikimi.errors import Transient
from jikimi.stream.ballast import Ballast, FreeSpace
from jikimi.stream.sqlite_file import is_full
from jikimi.stream.sqlite_writer import MAX_COMMIT_BYTES

VACUUM_PAGES = 256
MARGIN_BYTES = 2 * MAX_COMMIT_BYTES
"""Below this much above the reserve the file gives its unused pages back to the disk."""


class DiskRoom:
    """Used from the writer's thread only."""

    def __init__(
        self, folder: Path, connection: sqlite3.Connection, ballast: Ballast, reserve_bytes: int, free: FreeSpace
    ) -> None:
        self._folder = folder
        self._connection = connection
        self._ballast = ballast
        self._reserve_bytes = reserve_bytes
        self._free = free

    def refusal(self, weight: int) -> Transient | None:
        """Why `weight` more bytes cannot be taken: the WAL must find room for them, and the file for the whole WAL."""
        free = self._free(self._folder)
        if free - 2 * weight - self._wal_bytes() >= self._reserve_bytes:
            return None
        return Transient(
            f"the disk of {self._folder} has only {free >> 20} MB free,"
            f" {self._reserve_bytes >> 20} MB are kept in reserve: free some space"
        )

    def make_room(self) -> bool:
        """On a full disk: throw the ballast off and empty the WAL into the file."""
        dropped = self._ballast.drop()
        with contextlib.suppress(sqlite3.OperationalError):  # as far as it gets
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return dropped

    def tidy(self) -> bool:
        """One small step; True when there is more to do."""
        room = self._free(self._folder) - self._wal_bytes() - self._reserve_bytes
        if room < MARGIN_BYTES:
            return self._give_back()
        if room > MARGIN_BYTES + self._ballast.size:
            self._ballast.take()
        return False

    def _give_back(self) -> bool:
        """The disk is short: return some of the file's unused pages to it."""
        (unused,) = self._connection.execute("PRAGMA freelist_count").fetchone()
        if not unused and not self._wal_bytes():
            return False
        try:
            self._connection.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})").fetchall()
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.OperationalError as error:
            return is_full(error) and self.make_room()
        return bool(unused)

    def _wal_bytes(self) -> int:
        """All of it needs as much room again in the file itself, at the next checkpoint."""
        wal = self._folder / "log.db-wal"
        return wal.stat().st_size if wal.exists() else 0
