"""The port's text as behaviours, held against every implementation of it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import TopicPartition as Place
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from jikimi.errors import Fenced, Poison, Transient
from jikimi.stream.kafka import KafkaEventLog
from jikimi.stream.port import MAX_RECORD_BYTES, Consumer, EventLog, NewRecord, Record, TopicPartition
from jikimi.stream.sqlite import SqliteEventLog
from tests.integration.kafka.broker import Broker

PARTITIONS = 4
GROUP = "detectors"


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.kafka)])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


Opener = Callable[[], Awaitable[EventLog]]


@pytest.fixture
def opener(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Opener:
    """Opens the same log, again and again."""

    async def sqlite() -> EventLog:
        return SqliteEventLog.open(tmp_path / "log", partitions=PARTITIONS)

    async def kafka() -> EventLog:
        return await KafkaEventLog.connect(broker.bootstrap, partitions=PARTITIONS)

    if kind == "sqlite":
        return sqlite
    broker: Broker = request.getfixturevalue("kafka_broker")
    return kafka


@pytest.fixture
async def log(opener: Opener) -> AsyncIterator[EventLog]:
    opened = await opener()
    yield opened
    await opened.close()


async def trim(log: EventLog, source: TopicPartition, before: int) -> None:
    """What retention does, now."""
    if isinstance(log, SqliteEventLog):
        await log.trim(source.topic, source.partition, before)
        return
    assert isinstance(log, KafkaEventLog)
    admin = AIOKafkaAdminClient(bootstrap_servers=log.bootstrap)
    await admin.start()
    try:
        await admin.delete_records({Place(*source): RecordsToDelete(before)})
    finally:
        await admin.close()


@pytest.fixture
def topic() -> str:
    return f"events-{uuid4().hex[:8]}"


@pytest.fixture
async def two_keys(log: EventLog, topic: str) -> tuple[bytes, bytes]:
    """Two keys that live in different partitions."""
    keys = [f"tenant-{n}".encode() for n in range(64)]
    places = await log.append(f"{topic}-probe", [NewRecord(key, b"x") for key in keys])
    return keys[0], next(key for key, place in zip(keys, places, strict=True) if place[0] != places[0][0])


def numbered(count: int, key: bytes = b"tenant") -> list[NewRecord]:
    return [NewRecord(key, f"{number}".encode()) for number in range(count)]


async def read(consumer: Consumer, count: int, *, patience: float = 30.0) -> list[Record]:
    """Poll until `count` records came."""
    records: list[Record] = []
    async with asyncio.timeout(patience):
        while len(records) < count:
            records += await consumer.poll(max_records=count - len(records), timeout=1.0)
    return records


async def settle(*consumers: Consumer, until: Callable[[], bool], patience: float = 30.0) -> None:
    """Poll all of them in turn until the condition holds."""
    async with asyncio.timeout(patience):
        while not until():
            for consumer in consumers:
                await consumer.poll(max_records=100, timeout=0.1)


class TestAppend:
    async def test_gives_each_record_the_next_offset_of_its_partition(self, log: EventLog, topic: str) -> None:
        """Offsets of a key rise by one, across appends."""
        first = await log.append(topic, numbered(3))
        second = await log.append(topic, numbered(2))
        assert len({partition for partition, _ in first + second}) == 1
        assert [offset for _, offset in first + second] == [0, 1, 2, 3, 4]

    async def test_of_nothing_does_nothing(self, log: EventLog, topic: str) -> None:
        assert await log.append(topic, []) == []

    async def test_spreads_keys_over_partitions(self, log: EventLog, topic: str) -> None:
        places = await log.append(topic, [NewRecord(f"tenant-{n}".encode(), b"x") for n in range(64)])
        assert {partition for partition, _ in places} == set(range(PARTITIONS))

    async def test_refuses_a_record_that_is_too_large_and_stores_none_of_the_call(
        self, log: EventLog, topic: str
    ) -> None:
        with pytest.raises(Poison, match="larger"):
            await log.append(topic, [NewRecord(b"k", b"small"), NewRecord(b"k", bytes(MAX_RECORD_BYTES + 1))])
        assert await log.append(topic, [NewRecord(b"k", b"next")]) in [[(p, 0)] for p in range(PARTITIONS)]

    async def test_concurrent_appends_lose_nothing_and_keep_each_writers_order(self, log: EventLog, topic: str) -> None:
        async def write(key: bytes) -> None:
            for number in range(20):
                await log.append(topic, [NewRecord(key, f"{number}".encode())])

        keys = [f"tenant-{n}".encode() for n in range(10)]
        await asyncio.gather(*(write(key) for key in keys))
        consumer = await log.consumer(GROUP, [topic])
        by_key: dict[bytes, list[int]] = defaultdict(list)
        for record in await read(consumer, 200):
            by_key[record.key].append(int(record.value))
        await consumer.close()
        assert by_key == {key: list(range(20)) for key in keys}


class TestRecords:
    async def test_come_back_as_they_went_in(self, log: EventLog, topic: str) -> None:
        """Key, value and headers are bytes that nobody touches; 1 MB values included."""
        value = bytes(range(256)) * 4096
        headers = {"envelope": b'{"agent_id":"a"}', "empty": b"", "한글": b"\x00\xff"}
        [(partition, offset)] = await log.append(topic, [NewRecord(b"\x00key", value, headers)])
        consumer = await log.consumer(GROUP, [topic])
        [record] = await read(consumer, 1)
        await consumer.close()
        assert (record.topic, record.partition, record.offset) == (topic, partition, offset)
        assert (record.key, record.value, dict(record.headers)) == (b"\x00key", value, headers)

    async def test_know_when_they_were_appended(self, log: EventLog, topic: str) -> None:
        """Aware UTC, whole milliseconds."""
        await log.append(topic, numbered(1))
        consumer = await log.consumer(GROUP, [topic])
        [record] = await read(consumer, 1)
        await consumer.close()
        assert record.appended_at.tzinfo is UTC
        assert record.appended_at.microsecond % 1000 == 0
        assert abs(record.appended_at - datetime.now(UTC)) < timedelta(minutes=1)


class TestPoll:
    async def test_times_out_empty(self, log: EventLog, topic: str) -> None:
        consumer = await log.consumer(GROUP, [topic])
        assert await consumer.poll(max_records=10, timeout=0.05) == []
        await consumer.close()

    async def test_gives_at_most_what_was_asked_for(self, log: EventLog, topic: str) -> None:
        await log.append(topic, [NewRecord(f"tenant-{n % 7}".encode(), b"x") for n in range(50)])
        consumer = await log.consumer(GROUP, [topic])
        polled = [await consumer.poll(max_records=7, timeout=5.0) for _ in range(3)]
        await consumer.close()
        assert all(len(records) <= 7 for records in polled)

    async def test_wakes_when_a_record_arrives(self, log: EventLog, topic: str) -> None:
        consumer = await log.consumer(GROUP, [topic])
        await consumer.poll(max_records=1, timeout=0.1)
        waiting = asyncio.create_task(read(consumer, 1))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await log.append(topic, numbered(1))
        assert [record.value for record in await waiting] == [b"0"]
        await consumer.close()

    async def test_starves_no_partition(self, log: EventLog, topic: str, two_keys: tuple[bytes, bytes]) -> None:
        """A partition that is full of records does not keep a quiet one waiting for its end."""
        for _ in range(4):
            await log.append(topic, [NewRecord(two_keys[0], bytes(32_000))] * 500)
        [(quiet, _)] = await log.append(topic, [NewRecord(two_keys[1], b"y")])
        consumer = await log.consumer(GROUP, [topic])
        seen: list[Record] = []
        async with asyncio.timeout(60):
            while not any(record.partition == quiet for record in seen):
                seen += await consumer.poll(max_records=50, timeout=1.0)
        await consumer.close()
        assert len(seen) < 2000

    async def test_reads_several_topics(self, log: EventLog, topic: str) -> None:
        other = f"{topic}-health"
        await log.append(topic, [NewRecord(b"k", b"event")])
        await log.append(other, [NewRecord(b"k", b"health")])
        consumer = await log.consumer(GROUP, [topic, other])
        values = {(record.topic, record.value) for record in await read(consumer, 2)}
        await consumer.close()
        assert values == {(topic, b"event"), (other, b"health")}


class TestGroup:
    async def test_that_never_committed_starts_at_the_oldest(self, log: EventLog, topic: str) -> None:
        await log.append(topic, numbered(3))
        first = await log.consumer(GROUP, [topic])
        await read(first, 3)
        await first.close()
        second = await log.consumer(GROUP, [topic])
        assert [int(record.value) for record in await read(second, 3)] == [0, 1, 2]
        await second.close()

    async def test_resumes_where_it_committed(self, log: EventLog, topic: str) -> None:
        await log.append(topic, numbered(5))
        first = await log.consumer(GROUP, [topic])
        records = await read(first, 5)
        await first.commit({records[2].source: records[2].offset + 1})
        await first.close()
        second = await log.consumer(GROUP, [topic])
        assert [int(record.value) for record in await read(second, 2)] == [3, 4]
        await second.close()

    async def test_goes_its_own_way(self, log: EventLog, topic: str) -> None:
        """Two groups read the same records, and one's commit is not the other's."""
        await log.append(topic, numbered(2))
        detectors = await log.consumer(GROUP, [topic])
        archive = await log.consumer("archive", [topic])
        records = await read(detectors, 2)
        await detectors.commit({records[1].source: 2})
        assert [int(record.value) for record in await read(archive, 2)] == [0, 1]
        assert sum((await log.lag("archive", topic)).values()) == 2
        assert sum((await log.lag(GROUP, topic)).values()) == 0
        await detectors.close()
        await archive.close()

    async def test_seek_reads_again(self, log: EventLog, topic: str) -> None:
        await log.append(topic, numbered(4))
        consumer = await log.consumer(GROUP, [topic])
        records = await read(consumer, 4)
        await consumer.seek(records[0].source, 1)
        assert [int(record.value) for record in await read(consumer, 3)] == [1, 2, 3]
        await consumer.close()

    async def test_seek_beyond_the_end_starts_at_the_oldest(self, log: EventLog, topic: str) -> None:
        """A log that was lost and began anew is read from its start, not silently skipped up to the old offset."""
        await log.append(topic, numbered(2))
        consumer = await log.consumer(GROUP, [topic])
        [first, _] = await read(consumer, 2)
        await consumer.seek(first.source, 1000)
        assert [int(record.value) for record in await read(consumer, 2)] == [0, 1]
        await consumer.close()

    async def test_seek_and_commit_of_a_partition_not_held_are_fenced(self, log: EventLog, topic: str) -> None:
        consumer = await log.consumer(GROUP, [topic])
        await settle(consumer, until=lambda: len(consumer.assigned()) == PARTITIONS)
        with pytest.raises(Fenced):
            await consumer.seek(TopicPartition(topic, PARTITIONS), 0)
        with pytest.raises(Fenced):
            await consumer.commit({TopicPartition(topic, PARTITIONS): 1})
        await consumer.close()


class TestRetention:
    async def test_leaves_offsets_as_they_were_and_is_counted(self, log: EventLog, topic: str) -> None:
        """A consumer that comes late skips what is gone, says how much that was, and loses nothing that is there."""
        places = await log.append(topic, numbered(10))
        source = TopicPartition(topic, places[0][0])
        early = await log.consumer(GROUP, [topic])
        await read(early, 1)
        await early.commit({source: 1})
        await early.close()
        await trim(log, source, 6)
        late = await log.consumer(GROUP, [topic])
        assert [record.offset for record in await read(late, 4)] == [6, 7, 8, 9]
        assert late.skipped == 5
        await late.close()

    async def test_of_everything_does_not_start_offsets_anew(self, log: EventLog, opener: Opener, topic: str) -> None:
        """The log's end outlives its records, also across a restart."""
        [(partition, _), *_] = await log.append(topic, numbered(3))
        await trim(log, TopicPartition(topic, partition), 3)
        await log.close()
        again = await opener()
        assert await again.append(topic, numbered(1)) == [(partition, 3)]
        assert (await again.lag("nobody", topic))[partition] == 1
        await again.close()


class TestReopened:
    async def test_keeps_what_append_returned_and_what_groups_committed(
        self, log: EventLog, opener: Opener, topic: str
    ) -> None:
        [(partition, _), *_] = await log.append(topic, numbered(5))
        consumer = await log.consumer(GROUP, [topic])
        await read(consumer, 2)
        await consumer.commit({TopicPartition(topic, partition): 2})
        await consumer.close()
        await log.close()
        again = await opener()
        resumed = await again.consumer(GROUP, [topic])
        assert [int(record.value) for record in await read(resumed, 3)] == [2, 3, 4]
        await again.close()

    async def test_keeps_a_key_in_its_partition(self, log: EventLog, opener: Opener, topic: str) -> None:
        records = [NewRecord(f"tenant-{n}".encode(), b"x") for n in range(16)]
        before = await log.append(topic, records)
        await log.close()
        again = await opener()
        after = await again.append(topic, records)
        await again.close()
        assert [partition for partition, _ in after] == [partition for partition, _ in before]

    async def test_closed_log_takes_nothing_and_says_so(self, log: EventLog, topic: str) -> None:
        await log.append(topic, numbered(1))
        consumer = await log.consumer(GROUP, [topic])
        await log.close()
        with pytest.raises(Transient, match="closed"):
            await log.append(topic, numbered(1))
        with pytest.raises(Transient, match="closed"):
            await consumer.poll(max_records=1, timeout=0.1)


class TestLag:
    async def test_counts_what_the_group_has_not_committed(self, log: EventLog, topic: str) -> None:
        [(partition, _)] = await log.append(topic, numbered(1))
        await log.append(topic, numbered(4))
        consumer = await log.consumer(GROUP, [topic])
        await read(consumer, 5)
        await consumer.commit({TopicPartition(topic, partition): 2})
        assert await log.lag(GROUP, topic) == {p: 3 if p == partition else 0 for p in range(PARTITIONS)}
        await consumer.close()

    async def test_of_a_group_that_never_committed_is_everything(self, log: EventLog, topic: str) -> None:
        await log.append(topic, numbered(3))
        assert sum((await log.lag("nobody", topic)).values()) == 3

    async def test_of_a_member_counts_what_it_has_not_polled(self, log: EventLog, topic: str) -> None:
        [(partition, _)] = await log.append(topic, numbered(1))
        await log.append(topic, numbered(4))
        consumer = await log.consumer(GROUP, [topic])
        await read(consumer, 2)
        assert (await consumer.lag())[TopicPartition(topic, partition)] == 3
        await consumer.close()


class TestRebalance:
    async def test_two_members_share_the_partitions_and_miss_nothing(self, log: EventLog, topic: str) -> None:
        """While both poll, each partition has exactly one holder; every record reaches exactly one of them."""
        one = await log.consumer(GROUP, [topic])
        await settle(one, until=lambda: len(one.assigned()) == PARTITIONS)
        two = await log.consumer(GROUP, [topic])
        await settle(one, two, until=lambda: len(one.assigned()) == len(two.assigned()) == PARTITIONS // 2)
        assert not one.assigned() & two.assigned()
        await log.append(topic, [NewRecord(f"tenant-{n}".encode(), f"{n}".encode()) for n in range(64)])
        got: list[Record] = []
        async with asyncio.timeout(60):
            while len(got) < 64:
                for member in (one, two):
                    polled = await member.poll(max_records=100, timeout=0.1)
                    assert {record.source for record in polled} <= member.assigned()
                    got += polled
        assert sorted(int(record.value) for record in got) == list(range(64))
        await one.close()
        await two.close()

    async def test_the_rest_goes_on_from_the_commit_when_a_member_leaves(self, log: EventLog, topic: str) -> None:
        one = await log.consumer(GROUP, [topic])
        two = await log.consumer(GROUP, [topic])
        await settle(one, two, until=lambda: len(one.assigned()) == len(two.assigned()) == PARTITIONS // 2)
        await log.append(topic, [NewRecord(f"tenant-{n}".encode(), f"{n}".encode()) for n in range(64)])
        kept: list[Record] = []
        while not kept:
            kept = await one.poll(max_records=5, timeout=1.0)
        await one.commit({record.source: record.offset + 1 for record in kept})
        await one.close()
        rest: list[Record] = []
        async with asyncio.timeout(60):
            while len(rest) < 64 - len(kept):
                polled = await two.poll(max_records=100, timeout=1.0)
                await two.commit({record.source: record.offset + 1 for record in polled})
                rest += polled
        assert two.assigned() == {TopicPartition(topic, p) for p in range(PARTITIONS)}
        assert sorted(int(record.value) for record in kept + rest) == list(range(64))
        await two.close()

    async def test_a_member_that_lost_a_partition_is_fenced(self, log: EventLog, topic: str) -> None:
        one = await log.consumer(GROUP, [topic])
        await settle(one, until=lambda: len(one.assigned()) == PARTITIONS)
        two = await log.consumer(GROUP, [topic])
        await settle(one, two, until=lambda: len(one.assigned()) == len(two.assigned()) == PARTITIONS // 2)
        lost = next(iter(two.assigned()))
        with pytest.raises(Fenced):
            await one.commit({lost: 1})
        await one.close()
        await two.close()
