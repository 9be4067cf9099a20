"""The embedded log's one writer: a thread that commits whatever waits as one transaction (group commit).

While one commit waits for the disk the next ones gather, so the cost of an fsync is shared by all who appended
meanwhile.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from jikimi.errors import JikimiError, Transient
from jikimi.stream.sqlite_file import OFFSET_MASK, Extent, is_full

T = TypeVar("T")

Row = tuple[int, int, bytes, bytes, bytes]
"""id, appended_at in ms, key, headers, value."""

MAX_COMMIT_BYTES = 8 << 20
MAX_PENDING_BYTES = 128 << 20
STEP_ROWS = 512
STEP_BYTES = 4 << 20


class Transaction:
    """What one commit changes. Shared state (extents, group offsets) sees it only once the commit stands."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._drafts: dict[int, tuple[Extent, Extent]] = {}
        self._rows: list[Row] = []
        self._afterwards: list[Callable[[], None]] = []

    def append(self, extent: Extent, appended_at: int, key: bytes, headers: bytes, value: bytes) -> int:
        """The record's offset."""
        draft = self._draft(extent)
        offset = draft.end
        self._rows.append((draft.row(offset), appended_at, key, headers, value))
        draft.end = offset + 1
        draft.bytes += len(key) + len(headers) + len(value)
        return offset

    def trim(self, extent: Extent, before: int, *, max_bytes: int = STEP_BYTES, older_than: int | None = None) -> int:
        """Delete one small step of the oldest records; returns how many went.

        Only those below offset `before`, only those appended before `older_than` (ms) when given, and no more than it
        takes to free `max_bytes`.
        """
        self._flush()
        draft = self._draft(extent)
        rows = self._connection.execute(
            "SELECT id, appended_at, length(key) + length(headers) + length(value) FROM records"
            " WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
            (draft.row(draft.start), draft.row(min(before, draft.end)), STEP_ROWS),
        )
        last, freed, count = -1, 0, 0
        for row, appended_at, size in rows:
            if older_than is not None and appended_at >= older_than:
                break
            last, freed, count = row, freed + size, count + 1
            if freed >= min(max_bytes, STEP_BYTES):
                break
        rows.close()
        if count:
            self._connection.execute("DELETE FROM records WHERE id >= ? AND id <= ?", (draft.row(draft.start), last))
            draft.start = (last & OFFSET_MASK) + 1
            draft.bytes -= freed
        return count

    def view(self, extent: Extent) -> Extent:
        """The extent as this transaction leaves it."""
        return self._drafts[extent.number][1] if extent.number in self._drafts else extent

    def oldest(self, extent: Extent) -> int:
        """When the first record was appended, in ms."""
        self._flush()
        start = self.view(extent)
        row = self._connection.execute(
            "SELECT appended_at FROM records WHERE id >= ? LIMIT 1", (start.row(start.start),)
        ).fetchone()
        return int(row[0])

    def make_topic(self, topic: str, count: int, publish: Callable[[list[Extent]], None]) -> None:
        """Add `count` empty partitions; does nothing when the topic is there already."""
        if self._connection.execute("SELECT 1 FROM partitions WHERE topic = ?", (topic,)).fetchone():
            return
        (first,) = self._connection.execute("SELECT coalesce(max(number) + 1, 0) FROM partitions").fetchone()
        extents = [Extent(first + partition, topic, partition, 0, 0, 0) for partition in range(count)]
        self._connection.executemany(
            "INSERT INTO partitions (number, topic, partition, start_offset, end_offset, bytes)"
            " VALUES (?, ?, ?, 0, 0, 0)",
            [(extent.number, topic, extent.partition) for extent in extents],
        )
        self._afterwards.append(lambda: publish(extents))

    def commit_offset(self, group: str, extent: Extent, offset: int, afterwards: Callable[[], None]) -> None:
        self._connection.execute(
            'INSERT INTO group_offsets ("group", number, next_offset) VALUES (?, ?, ?)'
            ' ON CONFLICT ("group", number) DO UPDATE SET next_offset = excluded.next_offset',
            (group, extent.number, offset),
        )
        self._afterwards.append(afterwards)

    def note(self, notes: Mapping[str, str], afterwards: Callable[[], None]) -> None:
        """Small texts by name, "" to take one away."""
        self._connection.executemany(
            "INSERT INTO notes (name, note) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET note = excluded.note",
            [(name, note) for name, note in notes.items() if note],
        )
        gone = [(name,) for name, note in notes.items() if not note]
        self._connection.executemany("DELETE FROM notes WHERE name = ?", gone)
        self._afterwards.append(afterwards)

    def finish(self) -> None:
        self._flush()
        self._connection.executemany(
            "UPDATE partitions SET start_offset = ?, end_offset = ?, bytes = ? WHERE number = ?",
            [(draft.start, draft.end, draft.bytes, number) for number, (_, draft) in self._drafts.items()],
        )
        self._connection.execute("COMMIT")

    def publish(self) -> None:
        for extent, draft in self._drafts.values():
            extent.start, extent.end, extent.bytes = draft.start, draft.end, draft.bytes
        for call in self._afterwards:
            call()

    def _draft(self, extent: Extent) -> Extent:
        if extent.number not in self._drafts:
            self._drafts[extent.number] = (extent, replace(extent))
        return self._drafts[extent.number][1]

    def _flush(self) -> None:
        if self._rows:
            self._connection.executemany(
                "INSERT INTO records (id, appended_at, key, headers, value) VALUES (?, ?, ?, ?, ?)", self._rows
            )
            self._rows.clear()


@dataclass(slots=True)
class Job:
    """`weight`: bytes it adds; 0 for work that must get through on a full disk."""

    apply: Callable[[Transaction], Any]
    weight: int
    done: Future[Any]


class Writer:
    """Runs jobs in order of arrival. `housekeep` runs between commits and says whether it has more to do."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        translate: Callable[[sqlite3.Error], JikimiError],
        refusal: Callable[[int], Transient | None],
        make_room: Callable[[], bool],
        housekeep: Callable[[], bool],
        published: Callable[[], None],
        idle_seconds: float,
    ) -> None:
        self._connection = connection
        self._translate = translate
        self._refusal = refusal
        self._make_room = make_room
        self._housekeep = housekeep
        self._published = published
        self._idle_seconds = idle_seconds
        self._jobs: deque[Job] = deque()
        self._pending_bytes = 0
        self._closing = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="event-log-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, apply: Callable[[Transaction], Any], *, weight: int = 0) -> Future[Any]:
        """Raises Transient when closed, or when too much waits for the disk already."""
        done: Future[Any] = Future()
        with self._wake:
            if self._closing:
                raise Transient("the event log is closed")
            if weight and self._pending_bytes + weight > MAX_PENDING_BYTES:
                raise Transient(f"the disk is {self._pending_bytes >> 20} MB behind the event log: try again")
            self._jobs.append(Job(apply, weight, done))
            self._pending_bytes += weight
            self._wake.notify()
        return done

    def close(self) -> None:
        """Commit what waits, then end the thread."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        more = True
        while True:
            jobs = self._take(0 if more else self._idle_seconds)
            if jobs:
                try:
                    self._serve(jobs)
                except Exception as error:  # the outermost pump: nobody may wait for ever
                    _fail(jobs, Transient(f"the event log's writer failed: {error!r}"))
            elif self._closing:
                return
            try:
                more = self._housekeep()
            except (sqlite3.Error, OSError):
                more = False  # the disk is in trouble: appends say so to their callers; look again when idle

    def _take(self, patience: float) -> list[Job]:
        with self._wake:
            if not self._jobs and not self._closing and patience:
                self._wake.wait(patience)
            taken: list[Job] = []
            weight = 0
            while self._jobs and weight < MAX_COMMIT_BYTES:
                job = self._jobs.popleft()
                self._pending_bytes -= job.weight
                if job.done.set_running_or_notify_cancel():
                    taken.append(job)
                    weight += job.weight
            return taken

    def _serve(self, jobs: list[Job]) -> None:
        weight = sum(job.weight for job in jobs)
        refusal = self._refusal(weight) if weight else None
        if refusal is not None:
            _fail((job for job in jobs if job.weight), refusal)
            jobs = [job for job in jobs if not job.weight]
        try:
            self._commit(jobs)
        except sqlite3.Error as error:
            if not is_full(error):
                _fail(jobs, self._translate(error))
                return
            _fail((job for job in jobs if job.weight), self._translate(error))
            self._retry_with_room([job for job in jobs if not job.weight], error)

    def _retry_with_room(self, jobs: list[Job], error: sqlite3.Error) -> None:
        if not jobs:
            return
        if not self._make_room():
            _fail(jobs, self._translate(error))
            return
        try:
            self._commit(jobs)
        except sqlite3.Error as again:
            _fail(jobs, self._translate(again))

    def _commit(self, jobs: list[Job]) -> None:
        if not jobs:
            return
        results = self.transact(lambda transaction: [job.apply(transaction) for job in jobs])
        for job, result in zip(jobs, results, strict=True):
            job.done.set_result(result)

    def transact(self, apply: Callable[[Transaction], T]) -> T:
        """One transaction, from the writer's own thread; all of it stands, durable, or nothing does."""
        transaction = Transaction(self._connection)
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            result = apply(transaction)
            transaction.finish()
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        transaction.publish()
        self._published()
        return result


def _fail(jobs: Iterable[Job], error: JikimiError) -> None:
    for job in jobs:
        if not job.done.done():
            job.done.set_exception(type(error)(*error.args))
