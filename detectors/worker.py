"""The detector worker: reads the log by group; commits what it found and how far it read in one transaction."""

import asyncio
from collections import Counter as Tally
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors import findings as make
from detectors.detection import Detection, Taken
from detectors.release.follow import Follower
from detectors.release.library import Loaded, RuleLibrary
from detectors.release.rows import write_tally
from detectors.sigma.match import RuleSet
from detectors.state import forget_expired, load_memory, save_memory
from detectors.store import record_findings
from jikimi.clock import Clock
from jikimi.domain.event import EventBatch, decode_envelope
from jikimi.domain.logsource import AGENT_HEALTH
from jikimi.domain.tenant import Tenant
from jikimi.errors import Fenced, Poison, Transient
from jikimi.storage import counters, dead_letters, progress
from jikimi.storage.database import Database
from jikimi.storage.schema import devices
from jikimi.storage.tenants import load_tenant
from jikimi.stream.port import EVENTS, Consumer, EventLog, Record, TopicPartition

GROUP = "detector"
SETTINGS_AGE = timedelta(seconds=5)
"""How old a company's settings may be when they are applied to an event."""

SWEEP_EVERY = timedelta(minutes=1)

log = structlog.get_logger(__name__)


class DetectorWorker:
    """Runs until told to stop. What it remembers is the database's: after any failure it reads all of it back."""

    def __init__(
        self,
        database: Database,
        event_log: EventLog,
        rules: RuleSet | Loaded,
        clock: Clock,
        *,
        library: RuleLibrary | None = None,
        name: str = GROUP,
    ) -> None:
        """With a library its rules are read anew when the database asks for it; `name` tells workers apart there."""
        self._database = database
        self._log = event_log
        self._clock = clock
        loaded = rules if isinstance(rules, Loaded) else Loaded.once(rules)
        self._follower = Follower(database, loaded, clock, worker=name, library=library)
        self._detection = Detection(RuleSet([]))
        self._epochs: dict[TopicPartition, int] = {}
        self._through: dict[tuple[str, str], int] = {}
        self._tenants: dict[str, tuple[Tenant, datetime]] = {}
        self._device_names: dict[str, str] = {}
        self._swept_at = clock()

    async def run(self, stop: asyncio.Event) -> None:
        """Join the group and work; on Transient or Fenced step back, wait, and join anew."""
        await self._follower.start()
        pause = 0.5
        try:
            while not stop.is_set():
                pause = await self._join(stop, pause)
        finally:
            await self._follower.close()

    async def _join(self, stop: asyncio.Event, pause: float) -> float:
        """Work until told to stop or until something fails; returns how long to pause the next time it does."""
        consumer = await self._log.consumer(GROUP, [EVENTS])
        self._epochs.clear()
        try:
            while not stop.is_set():
                await self._follow()
                await self._step(consumer)
                pause = 0.5
        except (Transient, Fenced) as error:
            log.warning("detector_steps_back", reason=str(error), pause=pause)
            await asyncio.sleep(pause)
            pause = min(30.0, pause * 2)
        finally:
            await consumer.close()
        return pause

    async def _follow(self) -> None:
        """Take up what changed about the rules since the last batch; windows of unchanged correlations go on.

        Those of others are not read any more, and expire.
        """
        before = self._follower.rules
        if not await self._follower.look():
            return
        if self._follower.rules is before:
            self._detection.live_by(self._follower.life)
            return
        async with self._database.read() as connection:
            await self._remember(connection)

    async def _step(self, consumer: Consumer) -> None:
        records = await consumer.poll(max_records=64, timeout=0.5)
        if await self._take_over(consumer):
            return  # polled before the place was known: read again from there
        records = [record for record in records if record.source in self._epochs]
        if records or self._clock() - self._swept_at > SWEEP_EVERY:
            await self._process(records)
            await consumer.commit(_ends(records))

    async def _take_over(self, consumer: Consumer) -> bool:
        """Claim partitions that are new to us. True when there were any."""
        held = consumer.assigned()
        fresh = held - self._epochs.keys()
        self._epochs = {source: epoch for source, epoch in self._epochs.items() if source in held}
        for source in sorted(fresh):
            async with self._database.write() as connection:
                self._epochs[source], offset = await progress.claim(connection, GROUP, source)
            await consumer.seek(source, offset)
        if fresh:
            self._through.clear()
            async with self._database.write() as connection:
                await forget_expired(connection, self._clock())
                await self._remember(connection)
        return bool(fresh)

    async def _remember(self, connection: AsyncConnection) -> None:
        """Begin with the rules as they are and with what the database remembers."""
        memory = await load_memory(connection, self._clock())
        self._detection = Detection(self._follower.rules, memory, self._follower.life)

    async def _process(self, records: Sequence[Record]) -> None:
        """One transaction for all of `records`. On any failure the caller joins anew, from the database's truth."""
        now = self._clock()
        buried: list[tuple[Record, str]] = []
        async with self._database.read() as connection:
            taken = [t for record in records if (t := await self._take(connection, record, now, buried)) is not None]
        found = await asyncio.to_thread(self._detection.detect, taken)
        sweeps = now - self._swept_at > SWEEP_EVERY
        if sweeps:
            found += await asyncio.to_thread(self._detection.close, now)
        tally = self._detection.tally
        quarantined = tally.quarantined.values()
        found += [make.of_quarantine(one.rule, one.told_tenant, one.reason, one.at) for one in quarantined]
        async with self._database.write() as connection:
            fresh = await record_findings(connection, found, self._detection.advice, now)
            await write_tally(connection, tally, now)
            await save_memory(connection, self._detection.changed(now))
            await _count(connection, taken)
            await _count_lost(connection, self._detection)
            if sweeps:
                await forget_expired(connection, now)
            for record, reason in buried:
                await _bury(connection, record, reason, now)
            for source, offset in _ends(records).items():
                await progress.advance(connection, GROUP, source, epoch=self._epochs[source], next_offset=offset)
        self._detection.commit()
        if quarantined:
            self._follower.hurry()
        for one in quarantined:
            log.error("rule_quarantined", rule=one.rule.id, tenant=one.tenant_id, reason=one.reason)
        self._swept_at = now if sweeps else self._swept_at
        if records:
            log.info("detected", records=len(records), events=sum(one.fresh for one in taken), findings=fresh)

    async def _take(
        self, connection: AsyncConnection, record: Record, now: datetime, buried: list[tuple[Record, str]]
    ) -> Taken | None:
        """The record's batch less what was taken before; None when nothing is left or it can never be taken."""
        try:
            batch = EventBatch(decode_envelope(record.headers.get("envelope", b"")), record.value)
            tenant = await self._tenant(connection, batch.envelope.tenant_id, now)
        except Poison as error:
            buried.append((record, str(error)))
            return None
        envelope = batch.envelope
        spool = (envelope.agent_id, envelope.epoch)
        if spool not in self._through:
            self._through[spool] = await progress.seen_through(connection, GROUP, *spool)
        skip = max(0, self._through[spool] + 1 - envelope.first_seq)
        if skip >= envelope.count:
            return None
        self._through[spool] = envelope.last_seq
        return Taken(batch, skip, tenant, await self._device_name(connection, envelope.device_id))

    async def _device_name(self, connection: AsyncConnection, device_id: str) -> str:
        """A device keeps the name it was enrolled with."""
        if device_id not in self._device_names:
            found = await connection.execute(select(devices.c.name).where(devices.c.id == device_id))
            self._device_names[device_id] = found.scalar_one_or_none() or ""
        return self._device_names[device_id]

    async def _tenant(self, connection: AsyncConnection, tenant_id: str, now: datetime) -> Tenant:
        known = self._tenants.get(tenant_id)
        if known is None or now - known[1] > SETTINGS_AGE:
            known = self._tenants[tenant_id] = (await load_tenant(connection, tenant_id), now)
        return known[0]


async def _count(connection: AsyncConnection, taken: Sequence[Taken]) -> None:
    through: dict[progress.Spool, int] = {}
    detected: Tally[str] = Tally()
    lost: Tally[str] = Tally()
    for one in taken:
        envelope = one.batch.envelope
        through[envelope.agent_id, envelope.epoch] = envelope.last_seq
        detected[one.tenant.id] += one.fresh
        if envelope.logsource.category == AGENT_HEALTH.category:
            lost[one.tenant.id] += _told_lost(one)
    await progress.mark_all(connection, GROUP, through)
    await counters.add_all(connection, "events_detected", detected)
    await counters.add_all(connection, "events_lost", lost)


def _told_lost(one: Taken) -> int:
    """Events that the agent itself says it had to drop."""
    gaps = [event for event in list(one.batch.events())[one.skip :] if event.get("Kind") == "gap"]
    return sum(dropped for event in gaps if isinstance(dropped := event.get("Dropped"), int))


async def _count_lost(connection: AsyncConnection, detection: Detection) -> None:
    for (tenant_id, what), count in detection.lost().items():
        await counters.add(connection, what, tenant_id, count)


async def _bury(connection: AsyncConnection, record: Record, reason: str, now: datetime) -> None:
    source = f"{record.topic}/{record.partition}/{record.offset}"
    log.error("record_buried", reason=reason, source=source)
    await dead_letters.bury(
        connection,
        tenant_id=record.key.decode(errors="replace"),
        agent_id="",
        stage="detector",
        reason=reason,
        raw=record.value,
        source=source,
        at=now,
    )


def _ends(records: Sequence[Record]) -> dict[TopicPartition, int]:
    return {record.source: record.offset + 1 for record in records}
