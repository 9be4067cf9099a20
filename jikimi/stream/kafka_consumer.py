"""One member of a Kafka consumer group.

aiokafka rebalances behind the reader's back; here a partition leaves only inside `poll`, as the port says: the callback
that gives partitions up waits until what was polled has been dealt with, which the next `poll` tells.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord
from aiokafka import TopicPartition as Place

from jikimi.errors import Fenced, Transient
from jikimi.stream.kafka_errors import translated
from jikimi.stream.port import MAX_RECORD_BYTES, Record, TopicPartition
from jikimi.stream.watchdog import Watchdog

SESSION_MS = 10_000
HEARTBEAT_MS = 1_000
REBALANCE_MS = 60_000
DRAIN_SECONDS = 30.0
"""How long a rebalance waits for a member to deal with what it polled; below REBALANCE_MS, or the group expels it."""
STALL_SECONDS = 60.0
POSITION_SECONDS = 5.0


class Handover(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka publishes no types
    """Holds a rebalance up until the member is idle."""

    def __init__(self) -> None:
        self.idle = asyncio.Event()
        self.idle.set()
        self.settled = asyncio.Event()
        self.generation = 0

    async def on_partitions_revoked(self, _revoked: set[Place]) -> None:
        self.settled.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self.idle.wait()

    async def on_partitions_assigned(self, _assigned: set[Place]) -> None:
        self.generation += 1
        self.settled.set()


class KafkaConsumer:
    """`jikimi.stream.port.Consumer`. `restarts` counts how often the watchdog made the inner consumer anew."""

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topics: Sequence[str],
        inspector: AIOKafkaConsumer,
        forget: Callable[["KafkaConsumer"], None],
        *,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self._bootstrap = bootstrap
        self._group = group
        self._topics = topics
        self._inspector = inspector
        self._forget = forget
        self._watchdog = Watchdog(stall_seconds)
        self._inner: AIOKafkaConsumer | None = None
        self._handover = Handover()
        self._known_generation = 0
        self._expected: dict[TopicPartition, int] = {}
        self._skipped = 0
        self._turn = 0
        self.restarts = 0

    async def start(self) -> None:
        """Join the group; the partitions come during `poll`."""
        self._handover = Handover()
        self._known_generation = 0
        inner = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=2 * MAX_RECORD_BYTES,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            rebalance_timeout_ms=REBALANCE_MS,
        )
        with translated(f"joining {self._group}"):
            try:
                await inner.start()  # before `subscribe`, or it would wait for the first assignment
                inner.subscribe(self._topics, listener=self._handover)
            except BaseException:
                await inner.stop()
                raise
        self._inner = inner

    async def poll(self, *, max_records: int, timeout: float) -> list[Record]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        self._alive()
        self._handover.idle.set()
        with translated(f"polling as {self._group}"):
            try:
                async with asyncio.timeout_at(deadline):
                    await self._handover.settled.wait()
            except TimeoutError:
                return []
            await self._meet_assignment()
            records = await self._fetch(max_records, deadline - loop.time())
            if records:
                self._handover.idle.clear()
                self._watchdog.progress()
                self._count_gaps(records)
            elif self._watchdog.due() and await self._stalled():
                await self._restart()
        return records

    async def _fetch(self, max_records: int, timeout: float) -> list[Record]:
        polled = await self._share_out(max_records)
        if not polled:
            with suppress(TimeoutError):
                # getmany also waits for a rebalance to end, without regard to its own timeout
                async with asyncio.timeout(max(timeout, 0) + 1.0):
                    patience = max(int(timeout * 1000), 0)
                    answer = await self._alive().getmany(timeout_ms=patience, max_records=max_records)
                    polled = [message for messages in answer.values() for message in messages]
        return [_record(message) for message in polled]

    async def _share_out(self, max_records: int) -> list[ConsumerRecord]:
        """What is there already, shared among the partitions: getmany alone would empty the first one first."""
        inner = self._alive()
        places = sorted(inner.assignment())
        polled: list[ConsumerRecord] = []
        if not places:
            return polled
        self._turn += 1
        at = self._turn % len(places)
        share = -(-max_records // len(places))
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                for most in (share, max_records):
                    for place in places[at:] + places[:at]:
                        room = min(most, max_records - len(polled))
                        if room and self._handover.settled.is_set():
                            answer = await inner.getmany(place, timeout_ms=0, max_records=room)
                            polled += answer.get(place, [])
        return polled

    def assigned(self) -> frozenset[TopicPartition]:
        if self._inner is None:
            return frozenset()
        return frozenset(TopicPartition(place.topic, place.partition) for place in self._inner.assignment())

    async def seek(self, source: TopicPartition, offset: int) -> None:
        self._check_held((source,))
        with translated(f"seeking as {self._group}"):
            self._alive().seek(Place(*source), offset)
        self._expected[source] = offset

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._check_held(offsets)
        if offsets:
            with translated(f"committing as {self._group}"):
                await self._alive().commit({Place(*source): offset for source, offset in offsets.items()})

    async def lag(self) -> dict[TopicPartition, int]:
        with translated(f"asking for the lag of {self._group}"):
            places = sorted(self._alive().assignment())
            ends = await self._inspector.end_offsets(places)
            return {
                TopicPartition(*place): max(ends[place] - await self._alive().position(place), 0) for place in places
            }

    @property
    def skipped(self) -> int:
        return self._skipped

    async def close(self) -> None:
        self._forget(self)
        inner, self._inner = self._inner, None
        if inner is not None:
            self._handover.idle.set()
            with translated(f"leaving {self._group}"):
                await inner.stop()

    def _alive(self) -> AIOKafkaConsumer:
        if self._inner is None:
            raise Transient("the event log is closed")
        return self._inner

    def _check_held(self, sources: Mapping[TopicPartition, int] | tuple[TopicPartition, ...]) -> None:
        held = self.assigned()
        for source in sources:
            if source not in held:
                raise Fenced(f"{self._group}: {source.topic}/{source.partition} is held by another member")

    async def _meet_assignment(self) -> None:
        """After a rebalance, reading goes on from the committed offsets: expect those."""
        if self._known_generation == self._handover.generation:
            return
        self._known_generation = self._handover.generation
        self._expected = {}
        for source in self.assigned():
            committed = await self._alive().committed(Place(*source))
            if committed is not None:
                self._expected[source] = committed

    def _count_gaps(self, records: Sequence[Record]) -> None:
        for record in records:
            source = record.source
            self._skipped += max(record.offset - self._expected.get(source, record.offset), 0)
            self._expected[source] = record.offset + 1

    async def _stalled(self) -> bool:
        """Whether there is something to read that did not come."""
        try:
            async with asyncio.timeout(POSITION_SECONDS):
                return any((await self.lag()).values())
        except TimeoutError:
            return bool(self.assigned())

    async def _restart(self) -> None:
        self.restarts += 1
        old, self._inner = self._inner, None
        if old is not None:
            await old.stop()
        await self.start()


def _record(message: ConsumerRecord) -> Record:
    return Record(
        message.topic,
        message.partition,
        message.offset,
        message.key or b"",
        message.value or b"",
        dict(message.headers),
        datetime.fromtimestamp(message.timestamp / 1000, UTC),
    )
