"""Every event of the log stands in the event store once, whatever happens in between."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from jikimi.clock import utc_now
from jikimi.domain.scope import TenantScope
from jikimi.errors import Fenced, Misconfigured, Transient
from jikimi.storage import counters, progress
from jikimi.storage.archive import GROUP, POISON_BURST, Archiver
from jikimi.storage.database import Database
from jikimi.storage.events import EventQuery, EventStore
from jikimi.storage.schema import dead_letters
from jikimi.stream.port import EVENTS, NewRecord, TopicPartition
from jikimi.stream.sqlite import SqliteEventLog
from jikimi.testing.batches import batch_of, events_of, record_of

EVERY = TenantScope.every_tenant()


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteEventLog]:
    log = SqliteEventLog.open(tmp_path / "log", partitions=4)
    yield log
    await log.close()


class Archive:
    """The parts, and a way to let them work until the log is empty."""

    def __init__(self, database: Database, log: SqliteEventLog, store: EventStore) -> None:
        self.database, self.log, self.store = database, log, store

    def archiver(self) -> Archiver:
        return Archiver(self.database, self.log, self.store, utc_now, linger=0.02, retry=0.01, retry_most=0.02)

    async def drain(self) -> None:
        stop = asyncio.Event()
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(self.archiver().run(stop))
            while any((await self.log.lag(GROUP, EVENTS)).values()):  # noqa: ASYNC110 (the log tells nobody)
                await asyncio.sleep(0.02)
            stop.set()

    async def totals(self) -> dict[str, int]:
        async with self.database.read() as connection:
            return await counters.totals(connection)

    async def stored(self) -> list[str]:
        return sorted(event.event_id for event in await self.store.search(EventQuery(EVERY, limit=10_000)))


@pytest.fixture
def archive(database: Database, log: SqliteEventLog, store: EventStore) -> Archive:
    return Archive(database, log, store)


async def test_stores_every_event_and_counts_it(archive: Archive, log: SqliteEventLog) -> None:
    for n in range(20):
        batch = batch_of(events_of(10), tenant_id=f"t{n % 3}", agent_id=f"a{n % 3}", first_seq=n * 10)
        await log.append(EVENTS, [record_of(batch)])
    await archive.drain()
    assert await archive.store.count(EVERY) == 200
    assert await archive.totals() == {"events_stored": 200}


async def test_cuts_what_stands_in_the_log_twice(archive: Archive, log: SqliteEventLog) -> None:
    """Whole batches again, and one that begins before the mark and ends after it."""
    first, overlapping = batch_of(events_of(10)), batch_of(events_of(10, Again=True), first_seq=5)
    await log.append(EVENTS, [record_of(b) for b in (first, first, overlapping)])
    await archive.drain()
    await log.append(EVENTS, [record_of(b) for b in (first, overlapping)])
    await archive.drain()
    assert await archive.stored() == sorted(f"agent.epoch.{n}" for n in range(15))
    assert await archive.totals() == {"events_stored": 15, "log_duplicates_cut": 35}


async def test_another_life_of_the_spool_begins_anew(archive: Archive, log: SqliteEventLog) -> None:
    await log.append(EVENTS, [record_of(batch_of(events_of(3), epoch=epoch)) for epoch in ("one", "two")])
    await archive.drain()
    assert await archive.store.count(EVERY) == 6


async def test_poison_is_set_aside_with_its_reason_and_costs_its_neighbours_nothing(
    archive: Archive, log: SqliteEventLog
) -> None:
    good = record_of(batch_of(events_of(3)))
    wrong_count = record_of(batch_of(events_of(3)))._replace(value=b'{"@timestamp":"2026-11-22T00:00:00Z"}\n')
    foreign = good._replace(key=b"somebody else")
    await log.append(EVENTS, [NewRecord(b"x", b"what is this"), wrong_count, foreign, good])
    await archive.drain()
    assert await archive.store.count(EVERY) == 3
    async with archive.database.read() as connection:
        rows = (await connection.execute(select(dead_letters).order_by(dead_letters.c.reason))).all()
    assert [row.reason.partition(" of ")[0] for row in rows] == [
        "the envelope names another company than the record's key",
        "the envelope tells",
        "the record has no envelope",
    ]
    assert {row.raw for row in rows} >= {b"what is this"}
    assert (await archive.totals())["dead_lettered"] == 3


async def test_a_burst_of_poison_stops_the_archive(archive: Archive, log: SqliteEventLog) -> None:
    await log.append(EVENTS, [NewRecord(b"x", b"%d" % n) for n in range(POISON_BURST)])
    with pytest.raises(Misconfigured, match="unreadable"):
        await archive.archiver().run(asyncio.Event())


class Breaking(EventStore):
    """The real store, with a fault before or after chosen inserts."""

    def __init__(self, inner: EventStore, fault: Callable[[str, int], None]) -> None:
        self._inner, self._fault, self._calls = inner, fault, 0

    async def insert(self, batches, *, token):  # type: ignore[no-untyped-def]
        self._calls += 1
        self._fault("before", self._calls)
        stored = await self._inner.insert(batches, token=token)
        self._fault("after", self._calls)
        return stored

    async def missing(self, batches):  # type: ignore[no-untyped-def]
        return await self._inner.missing(batches)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_failing_store_is_asked_again_and_nothing_doubles(
    archive: Archive, log: SqliteEventLog, store: EventStore, when: str
) -> None:
    def fault(at: str, call: int) -> None:
        if at == when and call % 2 and call < 10:
            raise Transient("the store is away")

    archive.store = Breaking(store, fault)
    for n in range(10):
        await log.append(EVENTS, [record_of(batch_of(events_of(7), agent_id=f"a{n}", tenant_id=f"t{n}"))])
    await archive.drain()
    assert await store.count(EVERY) == 70
    assert await archive.totals() == {"events_stored": 70}


class Killed(BaseException):
    """As a kill of the process: nothing may catch it."""


def killed_after(at: str, _call: int) -> None:
    """The insert is done, what should follow never comes."""
    if at == "after":
        raise Killed


async def test_a_successor_repeats_the_planned_batch_and_not_more(
    archive: Archive, log: SqliteEventLog, store: EventStore
) -> None:
    """The insert happened, the database never heard of it; meanwhile more came in."""

    await log.append(EVENTS, [record_of(batch_of(events_of(5)))])
    archive.store = Breaking(store, killed_after)
    with pytest.raises(Killed):
        await archive.archiver().run(asyncio.Event())
    assert await store.count(EVERY) == 5
    await log.append(EVENTS, [record_of(batch_of(events_of(5), first_seq=5))])
    archive.store = store
    await archive.drain()
    assert await archive.stored() == sorted(f"agent.epoch.{n}" for n in range(10))


async def test_a_token_without_its_rows_does_not_lose_them(
    archive: Archive, log: SqliteEventLog, store: EventStore
) -> None:
    """Killed between the engine's note of the token and its commit: the repeated insert is taken for a duplicate."""

    await log.append(EVENTS, [record_of(batch_of(events_of(5)))])
    archive.store = Breaking(store, killed_after)
    with pytest.raises(Killed):
        await archive.archiver().run(asyncio.Event())
    await store._run(store._inserting, lambda: store._writer.command("ALTER TABLE jikimi.events DELETE WHERE 1"))
    async with asyncio.timeout(60):
        while await store.count(EVERY):  # noqa: ASYNC110 (a mutation tells nobody)
            await asyncio.sleep(0.02)
    archive.store = store
    await archive.drain()
    assert await archive.stored() == sorted(f"agent.epoch.{n}" for n in range(5))


async def test_a_log_that_began_anew_loses_nothing(archive: Archive, tmp_path: Path) -> None:
    """Its offsets meet offsets of the past; the events are new."""
    await archive.log.append(EVENTS, [record_of(batch_of(events_of(5), first_seq=n * 5)) for n in range(3)])
    await archive.drain()
    archive.log = SqliteEventLog.open(tmp_path / "new log", partitions=4)
    await archive.log.append(EVENTS, [record_of(batch_of(events_of(5), first_seq=15 + n * 5)) for n in range(3)])
    await archive.drain()
    await archive.log.close()
    assert await archive.store.count(EVERY) == 30


async def test_a_zombie_cannot_advance(database: Database) -> None:
    source = TopicPartition(EVENTS, 0)
    async with database.write() as connection:
        old, _ = await progress.claim(connection, GROUP, source)
        await progress.claim(connection, GROUP, source)

    async def effects_of_the_zombie() -> None:
        async with database.write() as connection:
            await progress.mark_seen(connection, GROUP, "agent", "epoch", 7)
            await progress.advance(connection, GROUP, source, epoch=old, next_offset=5)

    with pytest.raises(Fenced):
        await effects_of_the_zombie()
    async with database.read() as connection:
        assert await progress.seen_through(connection, GROUP, "agent", "epoch") == -1
