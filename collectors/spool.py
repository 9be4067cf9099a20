"""The agent's spool: what was seen waits on disk until the centre has it.

One SQLite event log with a topic for each class of importance, each with an epoch and sequence numbers of its own, so
that events of the lowest class can go without leaving a hole among the others. A spool that is opened begins new
epochs; what it still holds keeps the numbers it had.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson
import structlog

from collectors.batching import Numbering, chunks
from jikimi.clock import Clock, utc_now
from jikimi.domain.event import (
    MAX_BATCH_BYTES,
    TIMESTAMP,
    Envelope,
    Event,
    EventBatch,
    canonical,
    decode_envelope,
    encode_envelope,
    format_time,
)
from jikimi.domain.logsource import (
    AGENT_HEALTH,
    DNS_QUERY,
    EVIDENCE,
    FILE_ACCESS,
    LEAK_EVIDENCE,
    MALWARE_SCAN,
    NETWORK_FLOW,
    PROCESS_CREATION,
    REMOVABLE_MEDIA,
    WEB_INTEGRITY,
    LogSource,
)
from jikimi.errors import Transient
from jikimi.stream.port import NewRecord, Record, TopicPartition
from jikimi.stream.sqlite import SqliteEventLog
from jikimi.stream.sqlite_consumer import SqliteConsumer

HEALTH, HIGH, USUAL, LOW = "health", "high", "usual", "low"
CLASSES = (HEALTH, HIGH, USUAL, LOW)
"""In the order they are sent; dropped from the last on, HEALTH never: it is the account of what was dropped."""

_HIGH = {EVIDENCE, FILE_ACCESS, REMOVABLE_MEDIA, LEAK_EVIDENCE, MALWARE_SCAN, WEB_INTEGRITY}
CACHE_KIB = 512
"""An agent's share of a client's memory: a batch or two."""
_LOW = {NETWORK_FLOW, DNS_QUERY, PROCESS_CREATION}
_UPLINK, _DROPPER = "uplink", "dropper"
_DEAD_LETTERS_AT_MOST = 64 * 1024 * 1024

_log = structlog.get_logger()


def class_of(logsource: LogSource) -> str:
    """Files and media may be the only trace of a leak; logs are kept elsewhere too; flows, names and processes are
    many, and each says little. What was spooled under another class stays there."""
    if logsource == AGENT_HEALTH:
        return HEALTH
    return HIGH if logsource in _HIGH else LOW if logsource in _LOW else USUAL


class Spool:
    """Durable, bounded, in order a class. Open with `Spool.open`; one process at a time has it.

    Implements collectors.uplink.Outgoing. Not for several event loops; threads hand over to its loop.
    """

    def __init__(self, log: SqliteEventLog, agent_id: str, hostname: str, max_bytes: int, clock: Clock) -> None:
        self._log = log
        self._hostname = hostname
        self._max_bytes = max_bytes
        self._clock = clock
        epoch = f"{int(clock().timestamp()):x}-{secrets.token_hex(4)}"
        self._numbering = {name: Numbering(agent_id, f"{epoch}-{name}") for name in CLASSES}
        self._readers: dict[str, SqliteConsumer] = {}
        self._droppers: dict[str, SqliteConsumer] = {}
        self._putting = asyncio.Lock()
        self._waiting = asyncio.Event()
        self._out: tuple[Record, Envelope] | None = None
        self.dropped = 0
        """Events dropped because the spool was full, since it was opened."""
        self.dead_lettered = 0
        """Events the centre refused for good, since it was opened."""

    @classmethod
    async def open(
        cls,
        folder: Path,
        *,
        agent_id: str,
        hostname: str = "",
        max_bytes: int = 512 * 1024 * 1024,
        clock: Clock = utc_now,
    ) -> "Spool":
        """Open or make the spool in `folder`. `hostname` is written into its own health events.

        Raises Misconfigured when the folder cannot be used or another process has it.
        """
        log = await asyncio.to_thread(SqliteEventLog.open, folder, partitions=1, clock=clock, cache_kib=CACHE_KIB)
        spool = cls(log, agent_id, hostname, max_bytes, clock)
        for name in CLASSES:
            spool._readers[name] = await log.consumer(f"{_UPLINK}-{name}", [name])
            spool._droppers[name] = await log.consumer(f"{_DROPPER}-{name}", [name])
        spool._waiting.set()
        return spool

    async def put(self, logsource: LogSource, events: Iterable[Event]) -> int:
        """Keep `events`; returns how many once they are on disk. Raises Transient when the disk cannot take them now.

        Each event must carry `@timestamp`. One larger than a batch cannot travel: it is counted in a `gap` event.
        """
        lines, giants = [], 0
        for event in events:
            line = canonical(event)
            if len(line) < MAX_BATCH_BYTES:
                lines.append(line)
            else:
                giants += 1
        async with self._putting:
            await self._append(logsource, lines)
            if giants:
                await self._tell_gap(giants, f"events of {logsource} larger than {MAX_BATCH_BYTES} bytes")
                self.dropped += giants
            if self._log.size() > self._max_bytes:
                await self._make_room()
        return len(lines)

    async def next(self, timeout: float) -> EventBatch | None:
        """The oldest batch of the most important class, until `acked` or `rejected`; None after `timeout` seconds."""
        record = await self._oldest()
        if record is None:
            self._waiting.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._waiting.wait()
            except TimeoutError:
                return None
            record = await self._oldest()
        if record is None:
            return None
        batch = EventBatch(decode_envelope(record.headers["envelope"]), record.value)
        self._out = (record, batch.envelope)
        return batch

    async def acked(self, batch: EventBatch) -> None:
        """The centre has `batch`: forget it."""
        out, self._out = self._out, None
        if out is not None and out[1] == batch.envelope:
            record = out[0]
            await self._log.trim(record.topic, record.partition, record.offset + 1)

    async def rejected(self, batch: EventBatch, reason: str) -> None:
        """The centre will never take `batch`: keep it beside the spool with the reason, count it, tell it, go on."""
        kept = await asyncio.to_thread(self._keep_dead, batch, reason)
        count = batch.envelope.count
        self.dead_lettered += count
        async with self._putting:
            where = "kept in the spool's dead-letter file" if kept else "not kept: the dead-letter file is full"
            await self._tell_gap(count, f"the centre refused a batch of {batch.envelope.logsource} ({where}): {reason}")
        await self.acked(batch)

    def waiting_bytes(self) -> int:
        """Payload not yet acknowledged."""
        return self._log.size()

    async def close(self) -> None:
        await self._log.close()

    async def _append(self, logsource: LogSource, lines: Sequence[bytes]) -> None:
        name = class_of(logsource)
        batches = [self._numbering[name].batch(logsource, chunk, self._clock()) for chunk in chunks(lines)]
        if not batches:
            return
        await self._log.append(
            name, [NewRecord(b"", batch.block, {"envelope": encode_envelope(batch.envelope)}) for batch in batches]
        )
        self._waiting.set()

    async def _oldest(self) -> Record | None:
        for name in CLASSES:
            start, end = self._log.bounds(name)[0]
            if start == end:
                continue
            reader = self._readers[name]
            reader.assigned()
            await reader.seek(TopicPartition(name, 0), start)
            records = await reader.poll(max_records=1, timeout=0.1)
            if records:
                return records[0]
        return None

    async def _make_room(self) -> None:
        """Drop the oldest of the lowest class until a tenth is free, told before it is done: a kill between the two
        tells of a loss that did not happen, never the other way round."""
        goal = self._max_bytes * 9 // 10
        for name in reversed(CLASSES):
            excess = self._log.size() - goal
            if name == HEALTH or excess <= 0:
                return
            await self._drop(name, excess)

    async def _drop(self, name: str, excess: int) -> None:
        start, end = self._log.bounds(name)[0]
        dropper = self._droppers[name]
        dropper.assigned()
        await dropper.seek(TopicPartition(name, 0), start)
        counts: Counter[LogSource] = Counter()
        spans: dict[LogSource, tuple[str, str]] = {}
        at, freed = start, 0
        while freed < excess and at < end:
            for record in await dropper.poll(max_records=16, timeout=1):
                if freed >= excess:
                    break
                envelope = decode_envelope(record.headers["envelope"])
                source = envelope.logsource
                counts[source] += envelope.count
                spans[source] = _wider(spans.get(source), _span_of(record.value))
                freed += len(record.value)
                at = record.offset + 1
        for logsource, count in counts.items():
            reason = f"the spool was full: dropped the oldest events of {logsource}"
            await self._tell_gap(count, reason, *spans[logsource])
        self.dropped += counts.total()
        await self._log.trim(name, 0, at)
        _log.warning("spool_dropped", events=counts.total(), spool_class=name)

    async def _tell_gap(self, count: int, reason: str, first: str = "", last: str = "") -> None:
        event: dict[str, Any] = {
            TIMESTAMP: format_time(self._clock()),
            "Hostname": self._hostname,
            "Kind": "gap",
            "Collector": "spool",
            "Dropped": count,
            "Reason": reason,
        }
        if first:
            event["From"], event["To"] = first, last
        await self._append(AGENT_HEALTH, [canonical(event)])

    def _keep_dead(self, batch: EventBatch, reason: str) -> bool:
        """False when the file has reached its size."""
        path = self._log.folder / "dead-letters.ndjson"
        if path.exists() and path.stat().st_size + len(batch.block) > _DEAD_LETTERS_AT_MOST:
            return False
        head = orjson.dumps({"reason": reason, "envelope": orjson.loads(encode_envelope(batch.envelope))})
        try:
            with path.open("ab") as file:
                file.write(head + b"\n" + batch.block)
        except OSError as error:
            raise Transient(f"{path}: a refused batch cannot be kept ({error.strerror})") from error
        return True


def _span_of(block: bytes) -> tuple[str, str]:
    """The earliest and the latest time in it: sources need not tell in order. Canonical times sort as text."""
    times = [str(orjson.loads(line).get(TIMESTAMP, "")) for line in block.splitlines()]
    return min(times), max(times)


def _wider(known: tuple[str, str] | None, more: tuple[str, str]) -> tuple[str, str]:
    return more if known is None else (min(known[0], more[0]), max(known[1], more[1]))
