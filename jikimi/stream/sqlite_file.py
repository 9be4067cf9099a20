"""The embedded log's file: its tables, how a record lies in them, and how it is opened.

Rows are keyed `partition number << 48 | offset`, so a partition is one contiguous run of the primary key. The end of
each partition is stored beside the rows and commits with them: `max(id)` would start again at 0 once retention
emptied it.
"""

import os
import sqlite3
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jikimi.errors import Damaged, JikimiError, Misconfigured, Transient

VERSION = 1
OFFSET_BITS = 48
OFFSET_MASK = (1 << OFFSET_BITS) - 1

_SCHEMA = """
CREATE TABLE partitions (
  number INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL,
  start_offset INTEGER NOT NULL, end_offset INTEGER NOT NULL, bytes INTEGER NOT NULL,
  UNIQUE (topic, partition)
) STRICT;
CREATE TABLE records (
  id INTEGER PRIMARY KEY, appended_at INTEGER NOT NULL, key BLOB NOT NULL, headers BLOB NOT NULL, value BLOB NOT NULL
) STRICT;
CREATE TABLE group_offsets (
  "group" TEXT NOT NULL, number INTEGER NOT NULL, next_offset INTEGER NOT NULL, PRIMARY KEY ("group", number)
) STRICT, WITHOUT ROWID;
"""
_NOTES = "CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, note TEXT NOT NULL) STRICT, WITHOUT ROWID;"
"""Apart from the others: a log that was begun without it gets it when it is opened."""

_PRAGMAS = (
    "page_size = 8192",
    "auto_vacuum = INCREMENTAL",
    "journal_mode = WAL",
    "journal_size_limit = 8388608",
    "wal_autocheckpoint = 512",
)
CACHE_KIB, READER_CACHE_KIB = 8192, 512
"""Memory for pages: the writer comes back to them, a reader goes through each once."""


@dataclass(slots=True)
class Extent:
    """What one partition holds: offsets `start` to `end` (exclusive), `bytes` of payload."""

    number: int
    topic: str
    partition: int
    start: int
    end: int
    bytes: int

    def row(self, offset: int) -> int:
        return self.number << OFFSET_BITS | offset


def open_writer(path: Path, *, synchronous: str = "FULL", cache_kib: int = CACHE_KIB) -> sqlite3.Connection:
    """The one connection that writes and checkpoints (SQLite before 3.51.3 can corrupt with two).

    Raises Damaged for a file that is not a log of this version or cannot be read, Misconfigured for one that may not be
    written, Transient for a disk that cannot serve now.
    """
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise translate(error, path) from error
    try:
        for pragma in (*_PRAGMAS, f"cache_size = -{cache_kib}", f"synchronous = {synchronous}"):
            connection.execute(f"PRAGMA {pragma}")
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise translate(error, path) from error
    except UnicodeDecodeError as error:  # SQLite quotes what it found in place of a table's description
        connection.close()
        raise Damaged(f"{path} is damaged (its tables cannot be read): restore it from a backup") from error
    except Damaged:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {_NOTES} PRAGMA user_version = {VERSION}; COMMIT;")
    elif version != VERSION:
        raise Damaged(
            f"{path} was written by another version of Jikimi (log format {version}, this one reads {VERSION}): "
            "use that version, or choose another folder"
        )
    else:
        connection.execute(_NOTES)


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write or checkpoint."""
    address = f"{path.resolve().as_uri()}?mode=ro"
    reader = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    reader.execute(f"PRAGMA cache_size = -{READER_CACHE_KIB}")
    return reader


_DAMAGED = {
    "SQLITE_NOTADB",
    "SQLITE_CONSTRAINT_PRIMARYKEY",
    "SQLITE_CONSTRAINT_ROWID",
    "SQLITE_CONSTRAINT_UNIQUE",
    "SQLITE_ERROR",
    "SQLITE_MISMATCH",
    "SQLITE_IOERR_READ",
    "SQLITE_IOERR_SHORT_READ",
}
"""ERROR and MISMATCH too: our statements fit the tables that we made; IOERR_READ is a sector nobody can read."""


def is_full(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"


def translate(error: sqlite3.Error, path: Path) -> JikimiError:
    """SQLite's words into ours."""
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_FULL":
        return Transient(f"the disk of {path.parent} is full: free some space")
    if name in _DAMAGED or name.startswith("SQLITE_CORRUPT"):
        return Damaged(f"{path} is damaged ({error}): move it away and restore the folder from a backup")
    if name.startswith("SQLITE_READONLY") and os.access(path, os.W_OK):
        return Damaged(f"{path} is damaged (its header says that nobody may write it): restore it from a backup")
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")):
        return Misconfigured(f"{path} cannot be written ({error}): check the folder's owner and permissions")
    return Transient(f"{path} cannot serve now: {error}")


_LENGTHS = struct.Struct("<HI")


def pack_headers(headers: Mapping[str, bytes]) -> bytes:
    """Name length (2 bytes), value length (4 bytes), name in UTF-8, value; header by header."""
    parts: list[bytes] = []
    for name, value in headers.items():
        encoded = name.encode()
        parts += (_LENGTHS.pack(len(encoded), len(value)), encoded, value)
    return b"".join(parts)


def unpack_headers(packed: bytes) -> dict[str, bytes]:
    headers = {}
    at = 0
    while at < len(packed):
        name_length, value_length = _LENGTHS.unpack_from(packed, at)
        at += _LENGTHS.size
        value_at = at + name_length
        headers[packed[at:value_at].decode()] = packed[value_at : value_at + value_length]
        at = value_at + value_length
    return headers
