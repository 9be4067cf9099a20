"""The event log on Apache Kafka, through aiokafka.

Appends wait for all in-sync replicas (`acks=all`) behind an idempotent producer. aiokafka's transactions are not used:
they speak old protocol versions and have no generation fencing; effects commit with jikimi.storage.progress instead.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as Place
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    NotCoordinatorError,
    TopicAlreadyExistsError,
    for_code,
)

from jikimi.errors import Misconfigured, Poison, Transient
from jikimi.stream.kafka_consumer import KafkaConsumer
from jikimi.stream.kafka_errors import BREAKS_PRODUCER, translate, translated
from jikimi.stream.port import MAX_RECORD_BYTES, NewRecord

SLACK_BYTES = 256 * 1024
"""What a record's batch adds to its own bytes."""
COORDINATOR_SECONDS = 15.0
METADATA_SECONDS = 15.0
COPIES = 3


class KafkaEventLog:
    """`jikimi.stream.port.EventLog` on the brokers at `bootstrap`. One event loop."""

    def __init__(
        self,
        bootstrap: str,
        *,
        partitions: int,
        patience: float,
        admin: AIOKafkaAdminClient,
        inspector: AIOKafkaConsumer,
    ) -> None:
        """Use `connect`."""
        self.bootstrap = bootstrap
        self._partitions = partitions
        self._patience = patience
        self._admin = admin
        self._inspector = inspector
        self._producer: AIOKafkaProducer | None = None
        self._producing = asyncio.Lock()
        self._topics: dict[str, list[int]] = {}
        self._consumers: set[KafkaConsumer] = set()
        self._closed = False

    @classmethod
    async def connect(cls, bootstrap: str, *, partitions: int = 8, patience: float = 20.0) -> "KafkaEventLog":
        """`bootstrap`: HOST:PORT, or several with commas. `partitions` is for topics that do not exist yet;
        `patience` is how many seconds an append waits for the brokers before it raises Transient.

        Raises Misconfigured when `bootstrap` is not an address, Transient when no broker answers there.
        """
        for address in bootstrap.split(","):
            host, _, port = address.strip().rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65536:
                raise Misconfigured(f"Kafka address {address!r} is not HOST:PORT")
        async with AsyncExitStack() as undo:
            with translated(f"connecting to {bootstrap}"):
                admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
                undo.push_async_callback(admin.close)
                await admin.start()
                inspector = AIOKafkaConsumer(bootstrap_servers=bootstrap)
                undo.push_async_callback(inspector.stop)
                await inspector.start()
            undo.pop_all()
        return cls(bootstrap, partitions=partitions, patience=patience, admin=admin, inspector=inspector)

    async def append(self, topic: str, records: Sequence[NewRecord]) -> list[tuple[int, int]]:
        for record in records:
            size = len(record.key) + len(record.value) + sum(len(n) + len(v) for n, v in record.headers.items())
            if size > MAX_RECORD_BYTES:
                raise Poison(f"a record of {size} bytes is larger than the event log takes ({MAX_RECORD_BYTES})")
        if not records:
            return []
        with translated(f"appending to {topic}"):
            await self._ensure(topic)
            producer = await self._working_producer()
            try:
                async with asyncio.timeout(2 * self._patience):
                    return await self._send(producer, topic, records)
            except BREAKS_PRODUCER:
                await self._discard(producer)
                raise

    async def _send(
        self, producer: AIOKafkaProducer, topic: str, records: Sequence[NewRecord]
    ) -> list[tuple[int, int]]:
        pending = [
            await producer.send(topic, record.value, key=record.key, headers=list(record.headers.items()))
            for record in records
        ]
        done = await asyncio.gather(*pending, return_exceptions=True)
        places: list[tuple[int, int]] = []
        for outcome in done:
            if isinstance(outcome, BaseException):
                raise outcome
            places.append((outcome.partition, outcome.offset))
        return places

    async def consumer(self, group: str, topics: Sequence[str]) -> KafkaConsumer:
        if self._closed:
            raise Transient("the event log is closed")
        with translated(f"joining {group}"):
            for topic in topics:
                await self._ensure(topic)
        consumer = KafkaConsumer(self.bootstrap, group, tuple(topics), self._inspector, self._consumers.discard)
        self._consumers.add(consumer)
        await consumer.start()
        return consumer

    async def lag(self, group: str, topic: str) -> dict[int, int]:
        with translated(f"asking for the lag of {group}"):
            partitions = await self._ensure(topic)
            places = [Place(topic, partition) for partition in partitions]
            committed = await self._committed(group, places)
            starts = await self._inspector.beginning_offsets(places)
            ends = await self._inspector.end_offsets(places)
        return {p.partition: ends[p] - min(max(committed[p], starts[p]), ends[p]) for p in places}

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for consumer in list(self._consumers):
            await consumer.close()
        with translated("closing"):
            if self._producer is not None:
                await self._producer.stop()
            await self._inspector.stop()
            await self._admin.close()

    async def _working_producer(self) -> AIOKafkaProducer:
        async with self._producing:
            if self._closed:
                raise Transient("the event log is closed")
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self.bootstrap,
                    acks="all",
                    enable_idempotence=True,
                    compression_type="zstd",
                    request_timeout_ms=int(self._patience * 1000),
                    max_batch_size=1 << 20,
                    max_request_size=MAX_RECORD_BYTES + SLACK_BYTES,
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def _discard(self, producer: AIOKafkaProducer) -> None:
        if self._producer is producer:
            self._producer = None
        await producer.stop()

    async def _ensure(self, topic: str) -> list[int]:
        """The topic's partitions; makes it when absent, with three copies where there are three brokers."""
        if topic in self._topics:
            return self._topics[topic]
        found = await self._lookup(topic)
        if not found:
            await self._create(topic)
            found = await self._elected(topic)
        self._topics[topic] = found
        return found

    async def _elected(self, topic: str) -> list[int]:
        """The partitions of a topic just made, once each has a leader."""
        async with asyncio.timeout(METADATA_SECONDS):
            while True:
                if found := await self._lookup(topic):
                    return found
                await asyncio.sleep(0.05)

    async def _lookup(self, topic: str) -> list[int]:
        """Partitions that have a leader; none while the topic is absent or being made."""
        [answer] = await self._admin.describe_topics([topic])
        partitions: list[dict[str, Any]] = answer["partitions"]
        if answer["error_code"] or any(each["error_code"] for each in partitions):
            return []
        return sorted(each["partition"] for each in partitions)

    async def _create(self, topic: str) -> None:
        cluster = await self._admin.describe_cluster()
        wanted = NewTopic(
            topic,
            self._partitions,
            min(COPIES, len(cluster["brokers"])),
            topic_configs={
                "max.message.bytes": str(MAX_RECORD_BYTES + SLACK_BYTES),
                "message.timestamp.type": "LogAppendTime",
            },
        )
        response = await self._admin.create_topics([wanted])
        for _, code, message in response.topic_errors:
            kind = for_code(code)
            if code and kind is not TopicAlreadyExistsError:
                raise translate(kind(message or ""), f"making topic {topic}")

    async def _committed(self, group: str, places: Sequence[Place]) -> dict[Place, int]:
        """-1 where the group never committed. A coordinator that is just coming up is waited for."""
        async with asyncio.timeout(COORDINATOR_SECONDS):
            while True:
                try:
                    stored = await self._admin.list_consumer_group_offsets(group, partitions=list(places))
                except (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError):
                    stored = {}
                if all(place in stored for place in places):  # none at all while a coordinator loads its groups
                    return {place: stored[place].offset for place in places}
                await asyncio.sleep(0.2)
