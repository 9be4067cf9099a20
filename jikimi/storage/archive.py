"""The archive: every event of the log into the event store, once.

The store commits apart from the database, so the batch's end is fixed in the database first: a successor of a killed
archiver reads the same records, makes the same rows and inserts them under the same token, which the store knows.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from jikimi.clock import Clock
from jikimi.errors import Fenced, Misconfigured, Transient
from jikimi.storage import counters, dead_letters, progress
from jikimi.storage.archive_batch import PartitionBatch, read, spools_of
from jikimi.storage.database import Database
from jikimi.storage.events import EventStore
from jikimi.stream.port import EVENTS, Consumer, EventLog, Record, TopicPartition

GROUP = "archive"
BATCH_BYTES = 8 << 20
MAX_RECORDS = 512
POISON_BURST = 100
"""So many records of one poll, and not a good one among them: something is broken that dead letters do not mend."""

logger = structlog.get_logger()


@dataclass(slots=True)
class _Claim:
    """One partition held: what was read of it and not yet stored."""

    epoch: int
    next_offset: int
    planned: int | None
    waiting: list[Record] = field(default_factory=list)


class Archiver:
    """One member of the group "archive"."""

    def __init__(
        self,
        database: Database,
        log: EventLog,
        store: EventStore,
        clock: Clock,
        *,
        linger: float = 0.5,
        retry: float = 0.5,
        retry_most: float = 30.0,
    ) -> None:
        """`linger`: seconds to gather more after the first record; `retry`: first wait after a Transient, doubled."""
        self._database = database
        self._log = log
        self._store = store
        self._clock = clock
        self._linger = linger
        self._retry = retry
        self._retry_most = retry_most
        self._claims: dict[TopicPartition, _Claim] = {}
        self._skipped = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, then finish the batch in hand. Raises Misconfigured when a person must mend something."""
        failures = 0
        while not stop.is_set():
            try:
                consumer = await self._log.consumer(GROUP, [EVENTS])
            except Transient as error:
                failures += 1
                await self._wait(stop, failures, error)
                continue
            self._claims.clear()
            self._skipped = 0
            try:
                while not stop.is_set():
                    await self._step(consumer)
                    failures = 0
            except (Transient, Fenced) as error:
                failures += 1
                await self._wait(stop, failures, error)
            finally:
                await consumer.close()

    async def _step(self, consumer: Consumer) -> None:
        """Read, plan, insert, advance. A failure anywhere leaves what a new claim repeats exactly."""
        await self._hold(consumer)
        await self._gather(consumer)
        ready = {source: records for source, claim in self._claims.items() if (records := _due(claim))}
        await self._count_skipped(consumer)
        if not ready:
            return
        batches = await self._plan(ready)
        for batch in batches:
            await self._insert(batch, repeated=self._claims[batch.source].planned is not None)
        await self._advance(batches)
        await self._hint(consumer, batches)

    async def _insert(self, batch: PartitionBatch, *, repeated: bool) -> None:
        """A batch that a predecessor planned may stand in the store already: it is asked, before and after."""
        if not repeated:
            await self._store.insert(batch.batches, token=batch.token)
            return
        if missing := await self._store.missing(batch.batches):
            await self._store.insert(missing, token=batch.token)
        if still := await self._store.missing(batch.batches):  # the token was noted, its rows were not
            await self._store.insert(still, token=f"{batch.token}/again")

    async def _hold(self, consumer: Consumer) -> None:
        """Claim what the group gave us, forget what it took away."""
        assigned = consumer.assigned()
        self._claims = {source: claim for source, claim in self._claims.items() if source in assigned}
        for source in sorted(assigned - self._claims.keys()):
            async with self._database.write() as connection:
                epoch, next_offset = await progress.claim(connection, GROUP, source)
                planned = await progress.planned(connection, GROUP, source)
            await consumer.seek(source, next_offset)
            if next_offset and await self._never_committed(consumer, source, next_offset):
                await consumer.seek(source, 0)
            self._claims[source] = _Claim(epoch, next_offset, planned)

    async def _never_committed(self, consumer: Consumer, source: TopicPartition, next_offset: int) -> bool:
        """The database is ahead of a log that never heard of us: a new log, whose events must not be passed over.

        Reading from its beginning is safe in any case: the spools' marks cut what was taken.
        """
        group, own = await self._log.lag(GROUP, source.topic), await consumer.lag()
        return group.get(source.partition, 0) - own.get(source, 0) == next_offset

    async def _gather(self, consumer: Consumer) -> None:
        loop = asyncio.get_running_loop()
        records = await consumer.poll(max_records=MAX_RECORDS, timeout=self._linger)
        if not records:
            await self._unplan_what_is_gone(consumer)
            return
        until, size = loop.time() + self._linger, 0
        while True:
            for record in records:
                claim = self._claims.get(record.source)
                if claim is not None and (not claim.waiting or record.offset > claim.waiting[-1].offset):
                    claim.waiting.append(record)
                    size += len(record.value)
            left = until - loop.time()
            if left <= 0 or size >= BATCH_BYTES or not self._claims.keys() >= {r.source for r in records}:
                return
            if not (records := await consumer.poll(max_records=MAX_RECORDS, timeout=left)):
                return

    async def _unplan_what_is_gone(self, consumer: Consumer) -> None:
        """Retention may have removed the end of a planned batch: then what is left of it is all there is."""
        if any(claim.planned is not None for claim in self._claims.values()):
            lag = await consumer.lag()
            for source, claim in self._claims.items():
                if not lag.get(source, 0):
                    claim.planned = None

    async def _plan(self, ready: dict[TopicPartition, list[Record]]) -> list[PartitionBatch]:
        """Cut what was seen, and fix where each batch ends."""
        batches = []
        async with self._database.write() as connection:
            for source, records in ready.items():
                through = await progress.marks(connection, GROUP, spools_of(records))
                batch = read(source, records, through)
                epoch = self._claims[source].epoch
                await progress.plan(connection, GROUP, source, epoch=epoch, through_offset=batch.next_offset)
                batches.append(batch)
        _refuse_burst(batches)
        return batches

    async def _advance(self, batches: Sequence[PartitionBatch]) -> None:
        """Everything that says "stored", in one transaction."""
        async with self._database.write() as connection:
            for batch in batches:
                claim = self._claims[batch.source]
                await progress.advance(
                    connection, GROUP, batch.source, epoch=claim.epoch, next_offset=batch.next_offset
                )
                await progress.mark_all(connection, GROUP, batch.seen)
                await counters.add_all(connection, "events_stored", batch.stored)
                await counters.add_all(connection, "log_duplicates_cut", batch.duplicates)
                for record, reason in batch.poison:
                    await dead_letters.bury(
                        connection,
                        tenant_id=record.key.decode(errors="replace")[:64],
                        agent_id="",
                        stage="archive",
                        reason=reason,
                        raw=record.value,
                        source=f"{record.topic}/{record.partition}/{record.offset}",
                        at=self._clock(),
                    )
        for batch in batches:
            claim = self._claims[batch.source]
            claim.waiting = [record for record in claim.waiting if record.offset >= batch.next_offset]
            claim.next_offset, claim.planned = batch.next_offset, None
        logger.debug(
            "archive.stored",
            events=sum(batch.stored.total() for batch in batches),
            duplicates=sum(batch.duplicates.total() for batch in batches),
            dead_letters=sum(len(batch.poison) for batch in batches),
        )

    async def _hint(self, consumer: Consumer, batches: Sequence[PartitionBatch]) -> None:
        """The group's own offsets: for lag and the next start; the database is what counts."""
        held = consumer.assigned()
        await consumer.commit({batch.source: batch.next_offset for batch in batches if batch.source in held})

    async def _count_skipped(self, consumer: Consumer) -> None:
        if consumer.skipped > self._skipped:
            async with self._database.write() as connection:
                await counters.add(connection, "records_skipped", "", consumer.skipped - self._skipped)
            logger.warning("archive.skipped", records=consumer.skipped - self._skipped)
            self._skipped = consumer.skipped

    async def _wait(self, stop: asyncio.Event, failures: int, error: Exception) -> None:
        seconds = min(self._retry * 2 ** min(failures - 1, 16), self._retry_most) * random.uniform(0.5, 1.0)  # noqa: S311 (jitter)
        logger.warning("archive.retry", error=str(error), seconds=round(seconds, 2))
        try:
            async with asyncio.timeout(seconds):
                await stop.wait()
        except TimeoutError:
            return


def _due(claim: _Claim) -> list[Record]:
    """The records of the next batch: all that wait, or exactly those that a predecessor planned."""
    if claim.planned is None:
        return list(claim.waiting)
    if not claim.waiting or claim.waiting[-1].offset < claim.planned - 1:
        return []  # more of the planned batch is still to come
    return [record for record in claim.waiting if record.offset < claim.planned] or list(claim.waiting)


def _refuse_burst(batches: Sequence[PartitionBatch]) -> None:
    poison = [item for batch in batches for item in batch.poison]
    if len(poison) >= POISON_BURST and not any(batch.batches for batch in batches):
        record, reason = poison[0]
        raise Misconfigured(
            f"the archive met {len(poison)} unreadable records in a row, the first at "
            f"{record.topic}/{record.partition}/{record.offset}: {reason}; find out who writes them before going on"
        )
