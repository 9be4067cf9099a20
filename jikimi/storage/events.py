"""The event store: search over every event. Embedded engine: chDB, through clickhouse-connect.

One process opens a folder, and a process opens one folder at a time. Never fork while it is open: a forked child hangs
(start processes by spawn). chDB has no async client: calls run in a small thread pool, each on a handle of its own.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, TypeVar

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from jikimi.domain.event import EventBatch, event_id
from jikimi.domain.logsource import LogSource
from jikimi.domain.scope import TenantScope
from jikimi.errors import JikimiError, Misconfigured, Transient
from jikimi.storage.event_query import MAX_LIMIT, EventQuery, StoredEvent, following, in_scope, matching, named
from jikimi.storage.event_rows import Spool, rows_of, spans, without

__all__ = ["EventQuery", "EventStore", "StoredEvent"]

T = TypeVar("T")

FIRST_PAGE, LARGEST_PAGE = 1_000, 20_000
PAGE_BYTES = 16 << 20
"""Where all events are read a page is this much, or twice: small events come many at a time, large ones few."""

TOKENS_KEPT = 10_000
"""The store knows a token again within this many inserts; the archive repeats at most its last one."""

# Received time partitions (retention, and one part an insert whatever the events' own clocks say); tenant and event
# time order, so a search of one company's hours reads a few granules. fsync: an acknowledged insert outlives the power.
_TABLE = f"""
CREATE TABLE IF NOT EXISTS jikimi.events (
  tenant_id LowCardinality(String),
  time DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
  received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
  device_id LowCardinality(String),
  agent_id LowCardinality(String),
  epoch LowCardinality(String),
  seq Int64 CODEC(Delta, ZSTD(1)),
  product LowCardinality(String),
  category LowCardinality(String),
  service LowCardinality(String),
  raw String CODEC(ZSTD(3)),
  INDEX by_seq seq TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (tenant_id, time, agent_id, epoch, seq)
SETTINGS non_replicated_deduplication_window = {TOKENS_KEPT}, fsync_after_insert = 1, fsync_part_directory = 1
"""
_COLUMNS = "tenant_id, device_id, agent_id, epoch, seq, time, received_at, product, category, service, raw"
_ENGINE = {
    "max_server_memory_usage": 1 << 30,
    "mark_cache_size": 64 << 20,
    "index_mark_cache_size": 16 << 20,
    "background_pool_size": 2,
    "background_schedule_pool_size": 4,
}
_WRITING = {"max_threads": 2, "max_memory_usage": 512 << 20}
_READING = {**_WRITING, "max_execution_time": 60, "readonly": 1}  # `readonly` last: nothing can be set after it
_READERS = 2
# ClickHouse ErrorCodes.cpp: after these the same may succeed later.
_RETRY = frozenset({159, 202, 209, 210, 241, 242, 243, 252, 319})


class EventStore:
    """Insert once a token, search in a tenant scope. All methods may raise Transient (memory, disk, time ran out)."""

    def __init__(self, writer: Any, readers: Sequence[Any]) -> None:
        """Use `open`."""
        self._writer = writer
        self._readers: SimpleQueue[Any] = SimpleQueue()
        for reader in readers:
            self._readers.put(reader)
        # An insert never waits for a long search: each kind of call has threads of its own.
        self._inserting = ThreadPoolExecutor(1, thread_name_prefix="events-insert")
        self._reading = ThreadPoolExecutor(len(readers), thread_name_prefix="events-read")
        self._pid = os.getpid()

    @classmethod
    async def open(cls, folder: Path) -> "EventStore":
        """Open or make the store in `folder`. Raises Misconfigured when another process has it open."""
        return cls(*await asyncio.to_thread(_connect, folder))

    async def insert(self, batches: Sequence[EventBatch], *, token: str) -> int:
        """Store the batches' events durably, once a token. Returns how many events were in them.

        The same token must always come with the same batches.
        """
        if not batches:
            return 0
        return await self._run(self._inserting, lambda: self._insert(batches, token))

    async def missing(self, batches: Sequence[EventBatch]) -> list[EventBatch]:
        """What of these batches is not stored, in batches of consecutive numbers.

        For whoever repeats an insert after a crash: the engine notes a token before it commits the rows, and syncs
        neither note, so that a token alone may name rows that are not there.
        """
        present: dict[Spool, set[int]] = {}
        for spool, (tenant, first, last) in spans(batches).items():
            sql = (
                "SELECT seq FROM jikimi.events WHERE tenant_id = {tenant:String} AND agent_id = {agent:String} "
                "AND epoch = {epoch:String} AND seq BETWEEN {first:Int64} AND {last:Int64}"
            )
            parameters = {"tenant": tenant, "agent": spool[0], "epoch": spool[1], "first": first, "last": last}
            rows = await self._run(self._reading, partial(self._read, sql, parameters))
            present[spool] = {row[0] for row in rows}
        return without(batches, present)

    async def search(self, query: EventQuery) -> list[StoredEvent]:
        """Newest first."""
        if not 0 < query.limit <= MAX_LIMIT:
            raise ValueError(f"limit must be 1 to {MAX_LIMIT}, not {query.limit}")
        where, parameters = matching(query)
        order = "ORDER BY time DESC, agent_id DESC, epoch DESC, seq DESC LIMIT {limit:UInt32}"
        return await self._select(f"WHERE {where} {order}", {**parameters, "limit": query.limit})

    async def get(self, scope: TenantScope, event_ids: Sequence[str]) -> list[StoredEvent]:
        """The named events that lie in scope, in time order."""
        if not event_ids:
            return []
        where, parameters = named(scope, event_ids)
        return await self._select(f"WHERE {where} ORDER BY time, agent_id, epoch, seq", parameters)

    async def count_between(self, scope: TenantScope, since: datetime, until: datetime) -> dict[str, int]:
        """Events of each company in scope, by id, with since <= event time < until."""
        where, parameters = matching(EventQuery(scope, since, until))
        sql = f"SELECT tenant_id, count() FROM jikimi.events WHERE {where} GROUP BY tenant_id ORDER BY tenant_id"  # noqa: S608
        return {row[0]: int(row[1]) for row in await self._run(self._reading, lambda: self._read(sql, parameters))}

    async def pages(
        self, scope: TenantScope, tenant_id: str, since: datetime, until: datetime, size: int = FIRST_PAGE
    ) -> AsyncIterator[list[StoredEvent]]:
        """Every event of one company with since <= event time < until, in time order; `size` are in the first page.

        Memory stays that of a page (PAGE_BYTES); what is stored meanwhile may or may not be met.
        """
        last: StoredEvent | None = None
        while True:
            where, parameters = following(scope, tenant_id, since, until, last)
            order = "ORDER BY tenant_id, time, agent_id, epoch, seq LIMIT {limit:UInt32}"
            page = await self._select(f"WHERE {where} {order}", {**parameters, "limit": size})
            if page:
                yield page
            if len(page) < size:
                return
            last = page[-1]
            taken = sum(len(event.raw) for event in page)
            size = max(1, min(2 * size, LARGEST_PAGE, size * PAGE_BYTES // max(1, taken)))

    async def count(self, scope: TenantScope) -> int:
        """Events stored."""
        where, parameters = in_scope(scope)
        sql = f"SELECT count() FROM jikimi.events WHERE {where}"  # noqa: S608 (conditions are our own text)
        rows = await self._run(self._reading, lambda: self._read(sql, parameters))
        return int(rows[0][0])

    async def close(self) -> None:
        """Finish what was begun, then let another process open the folder."""
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    async def __aenter__(self) -> "EventStore":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _select(self, tail: str, parameters: dict[str, Any]) -> list[StoredEvent]:
        sql = f"SELECT {_COLUMNS} FROM jikimi.events {tail}"  # noqa: S608 (conditions are our own text)
        rows = await self._run(self._reading, lambda: self._read(sql, parameters))
        return [_stored(row) for row in rows]

    async def _run(self, threads: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        if os.getpid() != self._pid:
            raise Misconfigured("the event store was opened before a fork; start processes by spawn")
        return await asyncio.get_running_loop().run_in_executor(threads, _translating, call)

    def _insert(self, batches: Sequence[EventBatch], token: str) -> int:
        table = rows_of(batches)
        if table.num_rows:
            settings = {"insert_deduplication_token": token, "min_insert_block_size_bytes": 0}
            self._writer.insert_arrow("jikimi.events", table, settings=settings)
        return int(table.num_rows)

    def _read(self, sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        reader = self._readers.get()
        try:
            rows: list[tuple[Any, ...]] = reader.query(
                sql, parameters=parameters, column_formats={"raw": "bytes"}
            ).result_rows
            return rows
        finally:
            self._readers.put(reader)

    def _close(self) -> None:
        self._inserting.shutdown()
        self._reading.shutdown()
        self._writer.close()
        while not self._readers.empty():
            self._readers.get().close()


def _connect(folder: Path) -> tuple[Any, list[Any]]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            writer, *readers = [
                opened.enter_context(closing(_client(folder, settings)))
                for settings in [_WRITING] + [_READING] * _READERS
            ]
            writer.command("CREATE DATABASE IF NOT EXISTS jikimi ENGINE = Atomic")
            writer.command(_TABLE)
            opened.pop_all()  # all went well: they stay open
    except OSError as error:
        raise Misconfigured(f"{folder}: the event store cannot be made here: {error.strerror}") from error
    except (ClickHouseError, RuntimeError) as error:
        raise Misconfigured(
            f"{folder}: the event store cannot be opened; is another centre running on it? ({_first_line(error)})"
        ) from error
    return writer, readers


def _client(folder: Path, settings: dict[str, int]) -> Any:
    return clickhouse_connect.get_client(interface="chdb", path=str(folder), settings=settings, chdb_options=_ENGINE)


def _translating(call: Callable[[], T]) -> T:
    try:
        return call()
    except ClickHouseError as error:
        kind: type[JikimiError] = Transient if getattr(error, "code", None) in _RETRY else Misconfigured
        raise kind(f"the event store refused: {_first_line(error)}") from error


def _stored(row: tuple[Any, ...]) -> StoredEvent:
    tenant, device, agent, epoch, seq, time, received, product, category, service, raw = row
    return StoredEvent(
        event_id=event_id(agent, epoch, seq),
        tenant_id=tenant,
        device_id=device,
        agent_id=agent,
        time=_aware(time),
        received_at=_aware(received),
        logsource=LogSource(product or None, category or None, service or None),
        raw=raw,
    )


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:300]
