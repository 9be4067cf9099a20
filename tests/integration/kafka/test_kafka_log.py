"""What only a real broker can show of the Kafka event log."""

import asyncio
import os
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from jikimi.errors import Transient
from jikimi.stream.kafka import KafkaEventLog
from jikimi.stream.kafka_consumer import KafkaConsumer
from jikimi.stream.port import MAX_RECORD_BYTES, NewRecord, Record
from jikimi.stream.watchdog import Watchdog
from tests.integration.kafka.broker import Broker

pytestmark = pytest.mark.kafka


@pytest.fixture
async def log(kafka_broker: Broker) -> AsyncIterator[KafkaEventLog]:
    opened = await KafkaEventLog.connect(kafka_broker.bootstrap, partitions=2)
    yield opened
    await opened.close()


@pytest.fixture
def topic() -> str:
    return f"events-{uuid4().hex[:8]}"


async def joined(consumer: KafkaConsumer) -> None:
    async with asyncio.timeout(60):
        while not consumer.assigned():
            await consumer.poll(max_records=1, timeout=0.2)


async def test_the_largest_record_gets_through(log: KafkaEventLog, topic: str) -> None:
    """Topic, producer and consumer agree on the limit, also for bytes that zstd cannot shrink."""
    value = os.urandom(MAX_RECORD_BYTES)
    await log.append(topic, [NewRecord(b"", value)])
    consumer = await log.consumer("g", [topic])
    async with asyncio.timeout(60):
        while not (records := await consumer.poll(max_records=1, timeout=1.0)):
            pass
    assert records[0].value == value


async def test_the_watchdog_makes_a_hung_consumer_anew(log: KafkaEventLog, topic: str) -> None:
    """Lag and no progress: the consumer joins again by itself and goes on from the commit."""
    await log.append(topic, [NewRecord(b"k", b"1")])
    consumer = await log.consumer("g", [topic])
    await joined(consumer)
    consumer._watchdog = Watchdog(0.5)
    consumer._alive().pause(*consumer._alive().assignment())  # hung: it holds partitions and fetches nothing
    for source in consumer.assigned():
        await consumer.seek(source, 0)
    records: list[Record] = []
    async with asyncio.timeout(60):
        while not records:
            records = await consumer.poll(max_records=1, timeout=0.2)
    assert consumer.restarts >= 1
    assert [record.value for record in records] == [b"1"]


async def test_an_idle_consumer_is_left_alone_by_the_watchdog(log: KafkaEventLog, topic: str) -> None:
    """Nothing to read is not a stall."""
    consumer = await log.consumer("g", [topic])
    await joined(consumer)
    consumer._watchdog = Watchdog(0.1)
    for _ in range(5):
        await consumer.poll(max_records=1, timeout=0.2)
    assert consumer.restarts == 0


async def test_a_rebalance_waits_until_the_member_dealt_with_what_it_polled(log: KafkaEventLog, topic: str) -> None:
    """While one works on its records the other gets nothing; its commit counts; then they share."""
    await log.append(topic, [NewRecord(f"{n}".encode(), f"{n}".encode()) for n in range(20)])
    one = await log.consumer("g", [topic])
    polled: list[Record] = []
    async with asyncio.timeout(60):
        while len(polled) < 20:
            polled += await one.poll(max_records=100, timeout=1.0)
    two = await log.consumer("g", [topic])
    for _ in range(8):
        assert await two.poll(max_records=100, timeout=0.5) == []
    assert len(one.assigned()) == 2
    await one.commit({record.source: record.offset + 1 for record in polled})
    async with asyncio.timeout(60):
        while not len(one.assigned()) == len(two.assigned()) == 1:
            assert await one.poll(max_records=100, timeout=0.2) == []
            assert await two.poll(max_records=100, timeout=0.2) == []


async def test_a_broker_that_went_away_is_transient_and_its_return_is_enough(
    tmp_path_factory: pytest.TempPathFactory, topic: str
) -> None:
    """An append made while the broker is stopped says "try again"; one made later succeeds."""
    broker = Broker.start(tmp_path_factory.mktemp("kafka"))
    log = await KafkaEventLog.connect(broker.bootstrap, partitions=1, patience=3.0)
    try:
        assert await log.append(topic, [NewRecord(b"k", b"before")]) == [(0, 0)]
        broker.stop()
        with pytest.raises(Transient, match="appending"):
            await log.append(topic, [NewRecord(b"k", b"lost or not")])
        broker.restart()
        async with asyncio.timeout(60):
            while True:
                try:
                    [(_, offset)] = await log.append(topic, [NewRecord(b"k", b"after")])
                    break
                except Transient:
                    await asyncio.sleep(0.5)
        assert offset >= 1
    finally:
        await log.close()
        broker.stop()
