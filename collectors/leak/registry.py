"""The protected documents' fingerprints on disk: which file, which contents, which text. No content is kept.

One SQLite file beside the agent's other state, bounded; damaged, it is made anew. A document that was deleted or moved
away stays known until room is needed: what left the folder yesterday may leave the company today.
"""

import contextlib
import os
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from collectors.leak.pieces import Piece
from collectors.leak.shingles import smallest

FAMILIES = 5
"""A shingle in documents of more families than this is a company's boilerplate and proves nothing."""
SAME_FAMILY = 0.6
"""Share of its shingles by which a document is a version of another."""
MOST_SHINGLES = 4_000_000
MOST_PIECES = 1_000_000
LEAST_SIZE = 64
"""Smaller contents are the same in too many places."""
ENOUGH_DOCUMENTS = 64
"""A shingle is kept for so many documents; more of them would only make looking it up slow."""
_AT_ONCE = 500

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, mtime INTEGER NOT NULL,
    ctime INTEGER NOT NULL, device INTEGER NOT NULL, inode INTEGER NOT NULL, family INTEGER NOT NULL,
    template INTEGER NOT NULL, gone INTEGER NOT NULL DEFAULT 0, marks BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS pieces (
    document INTEGER NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL, crc INTEGER, sha BLOB);
CREATE INDEX IF NOT EXISTS pieces_of ON pieces (document);
CREATE INDEX IF NOT EXISTS pieces_by_sha ON pieces (sha);
CREATE INDEX IF NOT EXISTS pieces_by_size ON pieces (size, crc);
CREATE TABLE IF NOT EXISTS shingles (
    mark INTEGER NOT NULL, document INTEGER NOT NULL, PRIMARY KEY (mark, document)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS gone_first ON documents (gone) WHERE gone > 0;
"""
VERSION = 2
"""Of the fingerprints: an index with others knows no copy and is made anew."""


class Stamp(NamedTuple):
    """By which a file that did not change is known without being read; times in ns."""

    size: int
    mtime: int
    ctime: int
    device: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Stamp":
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_dev, status.st_ino)


class Found(NamedTuple):
    """A protected document, and the part of it that a content equals."""

    document: int
    path: str
    name: str
    size: int


class Overlap(NamedTuple):
    """Shingles that stand in both texts and are not boilerplate, of those that the document has."""

    document: int
    path: str
    shared: int
    of: int


class Registry:
    """For one process. `close` it."""

    def __init__(self, path: Path, *, most_shingles: int = MOST_SHINGLES, most_pieces: int = MOST_PIECES) -> None:
        self._path = path
        self._most_shingles = most_shingles
        self._most_pieces = most_pieces
        self.anew = not path.exists()
        """There was no index, or a damaged one, or one of an earlier version."""
        try:
            self._open()
        except sqlite3.DatabaseError:
            for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
                name.unlink(missing_ok=True)
            self.anew = True
            self._open()
        self._shingles = self._count("SELECT count(*) FROM shingles")
        self._pieces = self._count("SELECT count(*) FROM pieces")

    def _open(self) -> None:
        self._db = sqlite3.connect(self._path, isolation_level=None)
        self._path.chmod(0o600)
        for word in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-4096", "journal_size_limit=4194304"):
            self._db.execute(f"PRAGMA {word}")
        if self._count("PRAGMA user_version") not in (0, VERSION):
            self._db.close()
            raise sqlite3.DatabaseError("fingerprints of an earlier version")
        self._db.executescript(f"{_SCHEMA} PRAGMA user_version = {VERSION};")

    def close(self) -> None:
        self._db.close()

    def unchanged(self, path: str, stamp: Stamp) -> bool:
        """Whether `path` is known as it is now. A known file that was only renamed is known under its new name."""
        row = self._db.execute(
            "SELECT id, size, mtime, ctime, device, inode, gone FROM documents WHERE path = ?", (path,)
        )
        known = row.fetchone()
        if known and known[1:6] == tuple(stamp):
            if known[6]:
                self._db.execute("UPDATE documents SET gone = 0 WHERE id = ?", (known[0],))
            return True
        return known is None and self._renamed(path, stamp)

    def _renamed(self, path: str, stamp: Stamp) -> bool:
        query = "SELECT id, path FROM documents WHERE inode = ? AND device = ? AND size = ? AND mtime = ?"
        for number, before in self._db.execute(query, (stamp.inode, stamp.device, stamp.size, stamp.mtime)).fetchall():
            if not os.path.lexists(before):
                self._db.execute(
                    "UPDATE documents SET path = ?, ctime = ?, gone = 0 WHERE id = ?", (path, stamp.ctime, number)
                )
                return True
        return False

    def keep(self, path: str, stamp: Stamp, contents: Sequence[Piece], *, template: bool = False) -> str:
        """Put a document in, in the place of an earlier version. "" or what could not be kept, for want of room."""
        self._make_room()
        marks = sorted(frozenset[int]().union(*(smallest(piece.marks) for piece in contents)))
        full = "" if self._shingles + len(marks) <= self._most_shingles else "the text index is full"
        marks = [] if full else marks
        counted = [p for p in contents if p.size >= LEAST_SIZE]
        if self._pieces + len(counted) > self._most_pieces:
            full, counted = "the index is full", counted[:1]
        family, spread = self._family(marks), self._spread(marks)
        with _transaction(self._db):
            self._remove(path)
            number = self._db.execute(
                "INSERT INTO documents (path, size, mtime, ctime, device, inode, family, template, marks) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (path, *stamp, family or 0, template, array("q", marks).tobytes()),
            ).lastrowid
            if not family:
                self._db.execute("UPDATE documents SET family = id WHERE id = ?", (number,))
            self._db.executemany(
                "INSERT INTO pieces VALUES (?, ?, ?, ?, ?)",
                [(number, p.name, p.size, p.crc32, p.sha256 and p.sha256[:16]) for p in counted],
            )
            fresh = [(mark, number) for mark in marks if mark not in spread]
            self._shingles += self._db.executemany("INSERT OR IGNORE INTO shingles VALUES (?, ?)", fresh).rowcount
        self._pieces += len(counted)
        return full

    def gone(self, paths: Sequence[str], now: int) -> None:
        """The documents there, and all below, are no longer there; their fingerprints stay."""
        with _transaction(self._db):
            self._db.executemany(
                "UPDATE documents SET gone = ? WHERE gone = 0 AND (path = ? OR path >= ? AND path < ?)",
                [(now, path, path + "/", path + "0") for path in paths],
            )

    def sweep(self, now: int) -> None:
        """Mark what is no longer at its path as gone."""
        paths = [path for (path,) in self._db.execute("SELECT path FROM documents WHERE gone = 0")]
        away = [(now, path) for path in paths if not os.path.lexists(path)]
        with _transaction(self._db):
            self._db.executemany("UPDATE documents SET gone = ? WHERE path = ?", away)

    def same(self, piece: Piece) -> list[Found]:
        """Documents with a content of the same SHA-256, or, when that is unknown, of the same CRC-32 and size."""
        if piece.sha256 is not None:
            return self._found("p.sha = ?", piece.sha256[:16])
        if piece.crc32 is not None:
            return self._found("p.size = ? AND p.crc = ?", piece.size, piece.crc32)
        return self._found("p.size = ?", piece.size)

    def _found(self, where: str, *values: object) -> list[Found]:
        query = (
            "SELECT d.id, d.path, p.name, p.size FROM pieces p JOIN documents d ON d.id = p.document "  # noqa: S608 - ours
            f"WHERE {where} AND NOT d.template ORDER BY d.gone, d.id LIMIT 50"
        )
        return [Found(*row) for row in self._db.execute(query, values)]

    def overlaps(self, marks: Iterable[int]) -> list[Overlap]:
        """Documents that share text with `marks`, most first; shingles that are boilerplate do not count."""
        shared: dict[int, int] = {}
        families: dict[int, int] = {}
        boilerplate: dict[int, int] = {}
        for documents in self._documents_by_mark(marks, families):
            spread = {families[document] for document in documents}
            common = len(spread) > FAMILIES or -1 in spread
            for document in documents:
                counts = boilerplate if common else shared
                counts[document] = counts.get(document, 0) + 1
        best = sorted(shared, key=lambda document: -shared[document])[:20]
        return [
            Overlap(number, path, shared[number], max(1, length // 8 - boilerplate.get(number, 0)))
            for number in best
            for path, length in self._db.execute("SELECT path, length(marks) FROM documents WHERE id = ?", (number,))
        ]

    def _documents_by_mark(self, marks: Iterable[int], families: dict[int, int]) -> list[list[int]]:
        """For each mark that is known, its documents; `families` is filled on the way, -1 for a template."""
        asked = list(marks)
        by_mark: dict[int, list[int]] = {}
        for at in range(0, len(asked), _AT_ONCE):
            some = asked[at : at + _AT_ONCE]
            places = ",".join("?" * len(some))
            query = (
                "SELECT s.mark, s.document, CASE WHEN d.template THEN -1 ELSE d.family END "  # noqa: S608 - only places
                f"FROM shingles s JOIN documents d ON d.id = s.document WHERE s.mark IN ({places})"
            )
            for mark, document, family in self._db.execute(query, some):
                by_mark.setdefault(mark, []).append(document)
                families[document] = family
        return list(by_mark.values())

    def counts(self) -> dict[str, int]:
        """`documents`, `gone`, `pieces`, `shingles`, `bytes` on disk."""
        return {
            "documents": self._count("SELECT count(*) FROM documents WHERE gone = 0"),
            "gone": self._count("SELECT count(*) FROM documents WHERE gone > 0"),
            "pieces": self._pieces,
            "shingles": self._shingles,
            "bytes": sum(file.stat().st_size for file in self._path.parent.glob(f"{self._path.name}*")),
        }

    def _family(self, marks: list[int]) -> int | None:
        """The family of the document that this is a version of."""
        best = max(self.overlaps(marks), key=lambda overlap: overlap.shared, default=None) if marks else None
        if best is None or best.shared < SAME_FAMILY * len(marks):
            return None
        return self._count("SELECT family FROM documents WHERE id = ?", best.document)

    def _spread(self, marks: list[int]) -> set[int]:
        """Those of `marks` that stand in ENOUGH_DOCUMENTS already."""
        found = set[int]()
        for at in range(0, len(marks), _AT_ONCE):
            some = marks[at : at + _AT_ONCE]
            places = ",".join("?" * len(some))
            query = f"SELECT mark FROM shingles WHERE mark IN ({places}) GROUP BY mark HAVING count(*) >= ?"  # noqa: S608 - only places
            found |= {mark for (mark,) in self._db.execute(query, (*some, ENOUGH_DOCUMENTS))}
        return found

    def _remove(self, path: str) -> None:
        for number, marks in self._db.execute("SELECT id, marks FROM documents WHERE path = ?", (path,)).fetchall():
            self._forget(number, marks)

    def _forget(self, number: int, marks: bytes) -> None:
        own = array("q")
        own.frombytes(marks)
        deleted = self._db.executemany(
            "DELETE FROM shingles WHERE mark = ? AND document = ?", [(mark, number) for mark in own]
        )
        self._shingles -= max(0, deleted.rowcount)
        self._pieces -= self._db.execute("DELETE FROM pieces WHERE document = ?", (number,)).rowcount
        self._db.execute("DELETE FROM documents WHERE id = ?", (number,))

    def _make_room(self) -> None:
        """Forget the documents that went away first."""
        while self._shingles > self._most_shingles * 0.95 or self._pieces > self._most_pieces * 0.95:
            query = "SELECT id, marks FROM documents WHERE gone > 0 ORDER BY gone LIMIT 100"
            oldest = self._db.execute(query).fetchall()
            if not oldest:
                return
            with _transaction(self._db):
                for number, marks in oldest:
                    self._forget(number, marks)

    def _count(self, query: str, *values: object) -> int:
        number: int = self._db.execute(query, values).fetchone()[0]
        return number


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
