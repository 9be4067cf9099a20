"""Opening the spool: as it is, or, where it is damaged, anew with every sound batch of the damaged one.

The damaged file is set aside first, under a mark that stands until all of it was gone through: a kill in between lets
the next start begin the mending again.
"""

import contextlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from collectors.spooling.classes import CLASSES
from collectors.spooling.record import record_of
from collectors.spooling.salvage import Account, Found, Missing, salvage
from collectors.spooling.tide import Known, Reach, Tide, contradicts, is_exact
from jikimi.clock import Clock
from jikimi.errors import Damaged, JikimiError, Misconfigured, Transient
from jikimi.stream.folder_lock import FolderLock
from jikimi.stream.sqlite import SqliteEventLog
from jikimi.stream.sqlite_file import open_reader

CACHE_KIB = 512
"""An agent's share of a client's memory: a batch or two."""
SET_ASIDE = "log.db.damaged"
_LOG, _WAL = "log.db", "log.db-wal"
_ASIDE_WAL, _MARK = "log.db.damaged-wal", "mending"
_WAL_AT_MOST = 64 << 20
_AT_ONCE = 2 << 20


class Opened(NamedTuple):
    """`trouble`: what was damaged, "" for a whole spool; `missing`: what could not be had from it any more. `untold`:
    nothing says how far it reached, so nobody would know were its end missing."""

    log: SqliteEventLog
    reaches: dict[str, Reach]
    trouble: str = ""
    missing: tuple[Missing, ...] = ()
    untold: bool = False


class Before(NamedTuple):
    """What is known of a damaged log: how far it reached, how far SQLite still reads it, what was noted in it (None:
    nobody knows)."""

    reaches: Mapping[str, Reach]
    readable: Mapping[str, int]
    notes: Mapping[str, str] | None


def open_mended(folder: Path, tide: Tide, clock: Clock) -> Opened:
    """Raises Misconfigured when the folder cannot be used or another process has it, Transient."""
    known = tide.read()
    before = Before(known.reaches if known else {}, {}, None)
    if (folder / _MARK).exists():
        return _refilled(folder, tide, before, clock, "its mending was interrupted")
    wal = wal_of(folder)
    try:
        log = _open(folder, clock)
    except Damaged as error:
        return mend(folder, wal, tide, before, clock, str(error))
    bounds = {name: log.bounds(name)[0] for name in CLASSES}
    if known and (trouble := contradicts(known, bounds)):
        before = before._replace(readable={name: end for name, (_, end) in bounds.items()})
        log.close_blocking()
        return mend(folder, wal, tide, before, clock, trouble)
    reaches = {name: _reach(*bounds[name], known, name) for name in CLASSES}
    return Opened(log, reaches, untold=known is None and any(end for _, end in bounds.values()))


def mend(folder: Path, wal: bytes, tide: Tide, before: Before, clock: Clock, trouble: str) -> Opened:
    """Set the log aside, which must be closed, and begin another with what is sound in it. `wal`: as it lay beside the
    log before that was closed, for SQLite drops what lies behind damage there. Raises Misconfigured, Transient."""
    try:
        lock = FolderLock(folder)
        try:
            _set_aside(folder, wal)
        finally:
            lock.release()
    except OSError as error:
        raise Misconfigured(f"{folder}: the damaged spool cannot be set aside ({error.strerror})") from error
    return _refilled(folder, tide, before, clock, trouble)


def wal_of(folder: Path) -> bytes:
    """What was written and does not stand in the log itself yet."""
    with contextlib.suppress(OSError), (folder / _WAL).open("rb") as file:
        return file.read(_WAL_AT_MOST)
    return b""


def _set_aside(folder: Path, wal: bytes) -> None:
    """Only the latest is kept: it may be as large as a spool. Raises OSError."""
    (folder / SET_ASIDE).unlink(missing_ok=True)
    (folder / _ASIDE_WAL).write_bytes(wal)
    (folder / _MARK).touch()
    if (folder / _LOG).exists():
        (folder / _LOG).replace(folder / SET_ASIDE)


def _refilled(folder: Path, tide: Tide, before: Before, clock: Clock, trouble: str) -> Opened:
    aside = folder / SET_ASIDE
    try:
        if aside.exists():
            for name in (_LOG, _WAL, "log.db-shm"):
                (folder / name).unlink(missing_ok=True)
        else:  # it was killed before it came to that
            _set_aside(folder, wal_of(folder))
        wal = (folder / _ASIDE_WAL).read_bytes() if (folder / _ASIDE_WAL).exists() else b""
        log = _open(folder, clock)
        account = Account(before.reaches, clock().timestamp())
        if aside.exists():
            _refill(log, aside, wal, before, account)
        missing = account.missing()
        filled = {name: account.reach(name, *log.bounds(name)[0]) for name in CLASSES}
        tide.write(filled)
        for name in (_MARK, _ASIDE_WAL, f"{SET_ASIDE}-shm", *(() if missing else (SET_ASIDE,))):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise Misconfigured(f"{folder}: the damaged spool cannot be mended ({error.strerror})") from error
    return Opened(log, filled, trouble, tuple(missing))


def _refill(log: SqliteEventLog, aside: Path, wal: bytes, before: Before, account: Account) -> None:
    """As far as the disk has room: what finds none is missing. Raises OSError."""
    notes = _Notes(before, _notes_in(aside) if before.notes is None else before.notes)
    waiting: list[Found] = []
    size = 0
    with contextlib.suppress(Transient):
        for found in salvage(aside, wal, {name: reach.start for name, reach in before.reaches.items()}):
            waiting.append(found)
            size += len(found.batch.block)
            notes.take(found)
            if size > _AT_ONCE:
                _put(log, waiting, account)
                waiting, size = [], 0
        _put(log, waiting, account)
        log.append_blocking(CLASSES[0], [], notes.latest)


class _Notes:
    """Those of the damaged log, and those that came with batches which SQLite does not read any more."""

    def __init__(self, before: Before, latest: Mapping[str, str]) -> None:
        self._before = before
        self._at: dict[str, float] = {}
        self.latest = dict(latest)

    def take(self, found: Found) -> None:
        if self._before.notes is not None or found.offset < self._before.readable.get(found.spool_class, 0):
            return
        for name, note in found.notes.items():
            if found.at >= self._at.get(name, 0.0):
                self._at[name], self.latest[name] = found.at, note


def _notes_in(aside: Path) -> dict[str, str]:
    """As far as SQLite can read them."""
    with contextlib.suppress(sqlite3.Error, UnicodeDecodeError), contextlib.closing(open_reader(aside)) as reader:
        return dict(reader.execute("SELECT name, note FROM notes"))
    return {}


def _put(log: SqliteEventLog, some: list[Found], account: Account) -> None:
    """Raises Transient."""
    for name in CLASSES:
        if batches := [found for found in some if found.spool_class == name]:
            log.append_blocking(name, [record_of(found.batch, found.notes) for found in batches])
            for found in batches:
                account.take(found)


def _open(folder: Path, clock: Clock) -> SqliteEventLog:
    log = SqliteEventLog.open(folder, partitions=1, clock=clock, cache_kib=CACHE_KIB)
    try:
        for name in CLASSES:
            log.bounds(name)  # makes what is not there yet
    except JikimiError:
        log.close_blocking()
        raise
    return log


def _reach(start: int, end: int, known: Known | None, name: str) -> Reach:
    """Of a whole class; what was answered for need not be sent again."""
    before = known.reaches.get(name) if known else None
    if before is None or known is None:
        return Reach(start, end, 0 if start == end else -1)
    start = max(start, before.start)
    counted = is_exact(known) and (before.start, before.end) == (start, end)
    return Reach(start, end, 0 if start == end else before.events if counted else -1, before.since)
