"""The archive on a real Apache Kafka: the same class, the same promise."""

import asyncio
from uuid import uuid4

import pytest

from jikimi.clock import utc_now
from jikimi.domain.scope import TenantScope
from jikimi.storage.archive import GROUP, Archiver
from jikimi.storage.database import Database
from jikimi.storage.events import EventStore
from jikimi.storage.migrate import upgrade
from jikimi.stream.kafka import KafkaEventLog
from jikimi.stream.port import EVENTS
from jikimi.testing.batches import batch_of, events_of, record_of
from tests.integration.kafka.broker import Broker

pytestmark = pytest.mark.kafka


async def drain(archiver: Archiver, log: KafkaEventLog) -> None:
    stop = asyncio.Event()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(archiver.run(stop))
        while any((await log.lag(GROUP, EVENTS)).values()):  # noqa: ASYNC110 (the log tells nobody)
            await asyncio.sleep(0.1)
        stop.set()


async def test_every_event_of_kafka_is_stored_once_over_two_lives(
    kafka_broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The second life meets batches that stand in the log a second time."""
    root = tmp_path_factory.mktemp("centre")
    upgrade(root / "centre.db")
    tenants = [uuid4().hex for _ in range(5)]
    batches = [
        batch_of(events_of(10), tenant_id=tenant, agent_id=tenant, first_seq=n * 10)
        for n in range(12)
        for tenant in tenants
    ]
    log = await KafkaEventLog.connect(kafka_broker.bootstrap, partitions=4)
    store = await EventStore.open(root / "events")
    async with Database.sqlite(root / "centre.db") as database:
        for begin, end in ((0, 40), (20, 60)):
            await log.append(EVENTS, [record_of(batch) for batch in batches[begin:end]])
            await drain(Archiver(database, log, store, utc_now, linger=0.1), log)
        assert await store.count(TenantScope.of(*tenants)) == 600
    await store.close()
    await log.close()
