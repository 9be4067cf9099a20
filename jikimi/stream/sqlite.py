"""The embedded event log: one SQLite file in WAL mode at `synchronous=FULL`, no server.

The same class is the agent's spool (one partition), so it needs nothing beyond the standard library. One process
opens a folder at a time; inside it any number of tasks and threads append, and consumer groups read.

`NORMAL` instead of `FULL` would lose acknowledged records at a power cut: tests/stream/test_power_cut.py shows both.
"""

import asyncio
import sqlite3
import struct
import threading
import time
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import chain
from pathlib import Path

from jikimi.clock import Clock, utc_now
from jikimi.errors import Damaged, Misconfigured, Poison, Transient
from jikimi.stream import sqlite_file
from jikimi.stream.ballast import Ballast, FreeSpace, free_space
from jikimi.stream.disk_room import DiskRoom
from jikimi.stream.folder_lock import FolderLock
from jikimi.stream.membership import Group
from jikimi.stream.port import MAX_RECORD_BYTES, NewRecord, Record, TopicPartition
from jikimi.stream.sqlite_consumer import MAX_POLL_BYTES, SqliteConsumer, read_run
from jikimi.stream.sqlite_file import Extent, pack_headers
from jikimi.stream.sqlite_writer import Transaction, Writer

READERS = 2
AGE_CHECK_SECONDS = 60.0
_NONE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept: at most `max_bytes` of payload in the whole log, nothing older than `max_age`; None keeps all.

    The oldest records go first, read or not: a consumer counts what it missed in `skipped`.
    """

    max_bytes: int | None = None
    max_age: timedelta | None = None


class SqliteEventLog:
    """`jikimi.stream.port.EventLog` in a folder of its own. Thread-safe."""

    def __init__(
        self,
        folder: Path,
        lock: FolderLock,
        connection: sqlite3.Connection,
        *,
        partitions: int,
        retention: Retention,
        room: DiskRoom,
        clock: Clock,
    ) -> None:
        """Use `open`."""
        self.folder = folder
        self.path = folder / "log.db"
        self._lock = lock
        self._connection = connection
        self._new_partitions = partitions
        self._retention = retention
        self._room = room
        self._clock = clock
        self._topics: dict[str, list[Extent]] = {}
        self._counts: dict[str, int] = {}
        self._committed: dict[tuple[str, TopicPartition], int] = {}
        self._notes: dict[str, str] = {}
        self._groups: dict[str, Group] = {}
        self._consumers: set[SqliteConsumer] = set()
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="event-log-reader")
        self._reader: sqlite3.Connection | None = None
        self._reading = threading.Lock()
        self._next_age_check = 0.0
        self._closed = False
        try:
            self._load()
        except sqlite3.Error as error:
            connection.close()
            raise sqlite_file.translate(error, self.path) from error
        self._writer = Writer(
            connection,
            translate=lambda error: sqlite_file.translate(error, self.path),
            refusal=self._room.refusal,
            make_room=self._room.make_room,
            housekeep=self._housekeep,
            published=self._wake_consumers,
            idle_seconds=AGE_CHECK_SECONDS,
        )
        self._writer.start()

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        partitions: int = 8,
        retention: Retention = Retention(),
        ballast_bytes: int = 16 << 20,
        reserve_bytes: int = 32 << 20,
        free: FreeSpace = free_space,
        clock: Clock = utc_now,
        synchronous: str = "FULL",
        cache_kib: int = sqlite_file.CACHE_KIB,
    ) -> "SqliteEventLog":
        """Open the log in `folder`, made when absent (mode 0700: events are personal data).

        `partitions` is for topics that do not exist yet; a topic keeps the number it was made with, so that a key stays
        in its partition. Appends are refused (Transient) while the disk has less than `reserve_bytes` free. Anything
        but `synchronous="FULL"` is for the test that proves its need. `cache_kib`: memory the writer keeps pages in.

        Raises Misconfigured when the folder cannot be used, naming what is wrong.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FolderLock(folder)
        except OSError as error:
            raise Misconfigured(f"event log folder {folder} cannot be used: {error.strerror}") from error
        ballast = Ballast(folder, ballast_bytes)
        try:
            connection = _open_even_when_full(folder / "log.db", ballast, synchronous, cache_kib)
            return cls(
                folder,
                lock,
                connection,
                partitions=partitions,
                retention=retention,
                room=DiskRoom(folder, connection, ballast, reserve_bytes, free),
                clock=clock,
            )
        except BaseException:
            lock.release()
            raise

    # -- the port

    async def append(self, topic: str, records: Sequence[NewRecord]) -> list[tuple[int, int]]:
        return (await self.append_all({topic: records}))[topic]

    async def consumer(self, group: str, topics: Sequence[str]) -> SqliteConsumer:
        for topic in topics:
            await asyncio.to_thread(self._extents, topic)
        if self._closed:
            raise Transient("the event log is closed")
        shared = self._groups.setdefault(group, Group(self._counts))
        consumer = SqliteConsumer(self, group, shared, tuple(topics), self._pool)
        self._consumers.add(consumer)
        shared.join(consumer)
        return consumer

    async def lag(self, group: str, topic: str) -> dict[int, int]:
        extents = await asyncio.to_thread(self._extents, topic)
        return {e.partition: e.end - min(max(self.committed(group, e) or 0, e.start), e.end) for e in extents}

    async def close(self) -> None:
        await asyncio.to_thread(self.close_blocking)

    # -- for threads, and for the spool

    def append_blocking(
        self, topic: str, records: Sequence[NewRecord], notes: Mapping[str, str] = _NONE
    ) -> list[tuple[int, int]]:
        """`append` for a thread that has no event loop, and `notes` in the same commit."""
        return self._submit_append({topic: records}, notes).result()[topic]

    async def append_all(
        self, records: Mapping[str, Sequence[NewRecord]], notes: Mapping[str, str] | None = None
    ) -> dict[str, list[tuple[int, int]]]:
        """`append` to several topics in one commit: all of it is durable, or nothing, and `notes` with it."""
        for topic in records.keys() - self._topics.keys():
            await asyncio.to_thread(self._extents, topic)
        return await asyncio.wrap_future(self._submit_append(records, notes or _NONE))

    async def read(self, topic: str, partition: int, offset: int, max_records: int) -> list[Record]:
        """From `offset` on, outside any group. Raises Transient, Misconfigured as a consumer does."""
        return await asyncio.to_thread(self._read, self._extents(topic)[partition], offset, max_records)

    async def trim(self, topic: str, partition: int, before_offset: int) -> int:
        """`trim_blocking` without blocking the event loop."""
        extent = self._extents(topic)[partition]
        trimmed = 0
        while extent.start < min(before_offset, extent.end):
            step: int = await asyncio.wrap_future(self._writer.submit(lambda tx: tx.trim(extent, before_offset)))
            if not step:
                break
            trimmed += step
        return trimmed

    def trim_blocking(self, topic: str, partition: int, before_offset: int) -> int:
        """Delete the records below `before_offset`, in steps between which others append; returns how many went.

        Works on a full disk too. Offsets go on from where they were, even when nothing is left.
        """
        extent = self._extents(topic)[partition]
        trimmed = 0
        while extent.start < min(before_offset, extent.end):
            step: int = self._writer.submit(lambda tx: tx.trim(extent, before_offset)).result()
            if not step:
                break
            trimmed += step
        return trimmed

    def size(self, topic: str | None = None) -> int:
        """Bytes of payload (keys, headers, values) kept, of one topic or of all."""
        topics = self._topics if topic is None else {topic} & self._topics.keys()
        return sum(extent.bytes for name in topics for extent in self._topics[name])

    def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        """(oldest offset kept, next offset to be given) a partition."""
        return {extent.partition: (extent.start, extent.end) for extent in self._extents(topic)}

    async def retain(self) -> None:
        """Apply the retention now, to its end. It also runs by itself, in small steps."""
        self._next_age_check = 0.0
        while await asyncio.wrap_future(self._writer.submit(self._retention_step)):
            pass

    def notes(self) -> dict[str, str]:
        """What was noted by name when the log was opened, and since; "" takes a note away."""
        return {name: note for name, note in self._notes.items() if note}

    def close_blocking(self) -> None:
        """Commit what waits, then close. Consumers' polls raise Transient from now on."""
        if self._closed:
            return
        self._closed = True
        self._writer.close()
        for consumer in list(self._consumers):
            consumer.abandon()
        self._pool.shutdown()
        with self._reading:
            if self._reader is not None:
                self._reader.close()
        self._connection.close()
        self._lock.release()

    # -- what consumers need

    @property
    def closed(self) -> bool:
        return self._closed

    def extent(self, source: TopicPartition) -> Extent:
        return self._topics[source.topic][source.partition]

    def committed(self, group: str, extent: Extent) -> int | None:
        """The group's stored offset; None when it never committed."""
        return self._committed.get((group, TopicPartition(extent.topic, extent.partition)))

    async def commit_offsets(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        def apply(transaction: Transaction) -> None:
            for source, offset in offsets.items():
                transaction.commit_offset(
                    group, self.extent(source), offset, partial(self._remember, group, source, offset)
                )

        await asyncio.wrap_future(self._writer.submit(apply))

    def forget(self, consumer: SqliteConsumer) -> None:
        self._consumers.discard(consumer)

    # -- inside

    def _load(self) -> None:
        for row in self._connection.execute(
            "SELECT number, topic, partition, start_offset, end_offset, bytes FROM partitions ORDER BY partition"
        ):
            self._topics.setdefault(row[1], []).append(Extent(*row))
        self._counts.update({topic: len(extents) for topic, extents in self._topics.items()})
        sources = {e.number: TopicPartition(e.topic, e.partition) for es in self._topics.values() for e in es}
        for group, number, offset in self._connection.execute('SELECT "group", number, next_offset FROM group_offsets'):
            self._committed[group, sources[number]] = offset
        self._notes.update(self._connection.execute("SELECT name, note FROM notes"))

    def _remember(self, group: str, source: TopicPartition, offset: int) -> None:
        self._committed[group, source] = offset

    def _extents(self, topic: str) -> list[Extent]:
        """The topic's partitions, made when absent. Blocks for one commit then."""
        if topic not in self._topics:
            self._writer.submit(
                lambda tx: tx.make_topic(topic, self._new_partitions, partial(self._add_topic, topic)), weight=1
            ).result()
        return self._topics[topic]

    def _add_topic(self, topic: str, extents: list[Extent]) -> None:
        self._counts[topic] = len(extents)
        self._topics[topic] = extents

    def _read(self, extent: Extent, offset: int, max_records: int) -> list[Record]:
        try:
            with self._reading:
                if self._closed:
                    raise Transient("the event log is closed")
                if self._reader is None:
                    self._reader = sqlite_file.open_reader(self.path)
                return read_run(self._reader, extent, offset, max_records, MAX_POLL_BYTES)
        except sqlite3.Error as error:
            raise sqlite_file.translate(error, self.path) from error
        except (struct.error, UnicodeDecodeError) as error:
            raise Damaged(f"{self.path} is damaged (a record's headers cannot be read: {error})") from error

    def _submit_append(
        self, records: Mapping[str, Sequence[NewRecord]], notes: Mapping[str, str] = _NONE
    ) -> "Future[dict[str, list[tuple[int, int]]]]":
        packed = {
            topic: [(record.key, pack_headers(record.headers), record.value) for record in some]
            for topic, some in records.items()
        }
        weight = 0
        for key, headers, value in chain.from_iterable(packed.values()):
            size = len(key) + len(headers) + len(value)
            if size > MAX_RECORD_BYTES:
                raise Poison(f"a record of {size} bytes is larger than the event log takes ({MAX_RECORD_BYTES})")
            weight += size

        extents = {topic: self._extents(topic) for topic in records}

        def apply(transaction: Transaction) -> dict[str, list[tuple[int, int]]]:
            now = int(self._clock().timestamp() * 1000)
            places: dict[str, list[tuple[int, int]]] = {topic: [] for topic in packed}
            for topic, some in packed.items():
                for key, headers, value in some:
                    extent = extents[topic][zlib.crc32(key) % len(extents[topic])]
                    places[topic].append((extent.partition, transaction.append(extent, now, key, headers, value)))
            if notes:
                transaction.note(notes, partial(self._notes.update, notes))
            return places

        return self._writer.submit(apply, weight=weight)

    def _housekeep(self) -> bool:
        """One small step of retention or tidying; True when there is more to do."""
        if self._retention_due() and self._writer.transact(self._retention_step):
            return True
        return self._room.tidy()

    def _retention_due(self) -> bool:
        limit, age = self._retention.max_bytes, self._retention.max_age
        return (limit is not None and self.size() > limit) or (
            age is not None and time.monotonic() >= self._next_age_check
        )

    def _retention_step(self, transaction: Transaction) -> bool:
        """Delete one small step of what the retention gives up; True when there may be more."""
        extents = [transaction.view(extent) for group in self._topics.values() for extent in group]
        extents = [extent for extent in extents if extent.end > extent.start]
        excess = sum(extent.bytes for extent in extents) - (self._retention.max_bytes or 0)
        if self._retention.max_bytes is not None and excess > 0:
            oldest = min(extents, key=transaction.oldest)
            return transaction.trim(self._own(oldest), oldest.end, max_bytes=excess) > 0
        if self._retention.max_age is None:
            return False
        horizon = int((self._clock() - self._retention.max_age).timestamp() * 1000)
        if any(transaction.trim(self._own(extent), extent.end, older_than=horizon) for extent in extents):
            return True
        self._next_age_check = time.monotonic() + AGE_CHECK_SECONDS
        return False

    def _own(self, extent: Extent) -> Extent:
        return self._topics[extent.topic][extent.partition]

    def _wake_consumers(self) -> None:
        for consumer in list(self._consumers):
            consumer.wake()


def _open_even_when_full(path: Path, ballast: Ballast, synchronous: str, cache_kib: int) -> sqlite3.Connection:
    try:
        return sqlite_file.open_writer(path, synchronous=synchronous, cache_kib=cache_kib)
    except Transient:
        if not ballast.drop():
            raise
        return sqlite_file.open_writer(path, synchronous=synchronous, cache_kib=cache_kib)
