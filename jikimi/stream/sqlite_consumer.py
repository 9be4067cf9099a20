"""One member of a consumer group of the embedded log."""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from jikimi.errors import Fenced, Transient
from jikimi.stream import sqlite_file
from jikimi.stream.membership import Group
from jikimi.stream.port import Record, TopicPartition
from jikimi.stream.sqlite_file import OFFSET_MASK, Extent, unpack_headers

MAX_POLL_BYTES = 16 << 20


class Source(Protocol):
    """What a consumer asks of its log."""

    @property
    def closed(self) -> bool: ...
    @property
    def path(self) -> Path: ...
    def extent(self, source: TopicPartition) -> Extent: ...
    def committed(self, group: str, extent: Extent) -> int | None: ...
    async def commit_offsets(self, group: str, offsets: Mapping[TopicPartition, int]) -> None: ...
    def forget(self, consumer: "SqliteConsumer") -> None: ...


class SqliteConsumer:
    """`jikimi.stream.port.Consumer`. Reads through a connection of its own that cannot write, on the log's threads."""

    def __init__(self, log: Source, group: str, shared: Group, topics: Sequence[str], pool: ThreadPoolExecutor) -> None:
        self.topics = topics
        self._log = log
        self._group = group
        self._shared = shared
        self._pool = pool
        self._reader = sqlite_file.open_reader(log.path)
        self._reading = threading.Lock()
        self._positions: dict[TopicPartition, int] = {}
        self._turn = 0
        self._skipped = 0
        self._left = False
        self._loop = asyncio.get_running_loop()
        self._signal = asyncio.Event()
        self._waiting = False

    async def poll(self, *, max_records: int, timeout: float) -> list[Record]:
        deadline = self._loop.time() + timeout
        while True:
            self._waiting = True  # before looking, so that an append after the look is not missed
            self._signal.clear()
            ready = self._ready()
            if ready:
                self._waiting = False
                try:
                    reading = self._loop.run_in_executor(self._pool, self._read, ready, max_records)
                except RuntimeError as error:  # the pool was shut down since `_ready` looked
                    raise Transient("the event log is closed") from error
                runs = await reading
                for source, run in runs:
                    self._advance(source, run)
                if runs:
                    return [record for _, run in runs for record in run]
                continue
            try:
                async with asyncio.timeout_at(deadline):
                    await self._signal.wait()
            except TimeoutError:
                return []
            finally:
                self._waiting = False

    def assigned(self) -> frozenset[TopicPartition]:
        if self._left:
            return frozenset()
        if not self._positions:
            self._settle()
        return frozenset(self._positions)

    async def seek(self, source: TopicPartition, offset: int) -> None:
        self._check_held((source,))
        self._positions[source] = offset

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._check_held(offsets)
        if offsets:
            await self._log.commit_offsets(self._group, offsets)

    async def lag(self) -> dict[TopicPartition, int]:
        extents = {source: self._log.extent(source) for source in self._positions}
        return {source: extent.end - max(self._positions[source], extent.start) for source, extent in extents.items()}

    @property
    def skipped(self) -> int:
        return self._skipped

    async def close(self) -> None:
        self.abandon()

    def abandon(self) -> None:
        """Leave the group, from any thread."""
        if self._left:
            return
        self._left = True
        self._shared.leave(self)
        self._log.forget(self)
        self.wake()
        with self._reading:
            self._reader.close()

    def wake(self) -> None:
        """Something may have changed: look again. From any thread."""
        if self._waiting:
            with contextlib.suppress(RuntimeError):  # the member's event loop has ended
                self._loop.call_soon_threadsafe(self._signal.set)

    def _ready(self) -> list[TopicPartition]:
        """The partitions held that have something to read, another one first at each call."""
        if self._left or self._log.closed:
            raise Transient("the event log is closed")
        self._settle()
        ready = []
        for source in sorted(self._positions):
            extent = self._log.extent(source)
            if self._positions[source] > extent.end:
                self._positions[source] = extent.start
            if self._positions[source] < extent.start:
                self._skipped += extent.start - self._positions[source]
                self._positions[source] = extent.start
            if self._positions[source] < extent.end:
                ready.append(source)
        self._turn += 1
        at = self._turn % len(ready) if ready else 0
        return ready[at:] + ready[:at]

    def _settle(self) -> None:
        held = self._shared.settle(self)
        if held != self._positions.keys():
            self._positions = {s: self._positions[s] if s in self._positions else self._resume(s) for s in held}

    def _resume(self, source: TopicPartition) -> int:
        extent = self._log.extent(source)
        committed = self._log.committed(self._group, extent)
        return extent.start if committed is None else committed

    def _check_held(self, sources: Mapping[TopicPartition, int] | tuple[TopicPartition, ...]) -> None:
        for source in sources:
            if source not in self._positions or not self._shared.holds(self, source):
                raise Fenced(f"{self._group}: {source.topic}/{source.partition} is held by another member")

    def _read(self, ready: Sequence[TopicPartition], max_records: int) -> list[tuple[TopicPartition, list[Record]]]:
        """A run of records for each partition that gave some. Runs on a reader thread."""
        share = -(-max_records // len(ready))
        budget = MAX_POLL_BYTES // len(ready)
        room = max_records
        runs = []
        with self._reading:
            for source in ready:
                if self._left or not room:
                    break
                try:
                    run = self._read_one(source, min(share, room), budget)
                except sqlite3.Error as error:
                    raise sqlite_file.translate(error, self._log.path) from error
                room -= len(run)
                if run:
                    runs.append((source, run))
        return runs

    def _read_one(self, source: TopicPartition, limit: int, budget: int) -> list[Record]:
        return read_run(self._reader, self._log.extent(source), self._positions[source], limit, budget)

    def _advance(self, source: TopicPartition, run: Sequence[Record]) -> None:
        self._skipped += run[0].offset - self._positions[source]
        self._positions[source] = run[-1].offset + 1


def read_run(reader: sqlite3.Connection, extent: Extent, offset: int, limit: int, budget: int) -> list[Record]:
    """At most `limit` records of a partition from `offset` on, and no more once their values pass `budget` bytes.

    Raises sqlite3.Error.
    """
    rows = reader.execute(
        "SELECT id, appended_at, key, headers, value FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        (extent.row(offset), extent.row(extent.end), limit),
    )
    run = []
    stamp, when = 0, datetime.fromtimestamp(0, UTC)
    for row, appended_at, key, packed, value in rows:
        if appended_at != stamp:
            stamp, when = appended_at, datetime.fromtimestamp(appended_at / 1000, UTC)
        headers = unpack_headers(packed) if packed else {}
        run.append(Record(extent.topic, extent.partition, row & OFFSET_MASK, key, value, headers, when))
        budget -= len(value)
        if budget <= 0:
            break
    rows.close()
    return run
