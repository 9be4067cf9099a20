"""The agent's spool: what was seen waits on disk until the centre has it.

One SQLite event log with a topic for each class of importance, each with an epoch and sequence numbers of its own, so
that events of the lowest class can go without leaving a hole among the others. A spool that is opened begins new
epochs; what it still holds keeps the numbers it had.
"""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import structlog

from collectors import marks
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
    EXPORTED_FLOW,
    FILE_ACCESS,
    LEAK_EVIDENCE,
    MALWARE_SCAN,
    NETWORK_FLOW,
    PROCESS_CREATION,
    REMOVABLE_MEDIA,
    WEB_INTEGRITY,
    LogSource,
)
from jikimi.errors import Damaged, JikimiError, Misconfigured, Poison, Transient
from jikimi.stream.port import NewRecord, Record
from jikimi.stream.sqlite import SqliteEventLog

HEALTH, HIGH, USUAL, LOW = "health", "high", "usual", "low"
CLASSES = (HEALTH, HIGH, USUAL, LOW)
"""In the order they are sent; dropped from the last on, HEALTH never: it is the account of what was dropped."""

_HIGH = {EVIDENCE, FILE_ACCESS, REMOVABLE_MEDIA, LEAK_EVIDENCE, MALWARE_SCAN, WEB_INTEGRITY}
CACHE_KIB = 512
"""An agent's share of a client's memory: a batch or two."""
_LOW = {NETWORK_FLOW, EXPORTED_FLOW, DNS_QUERY, PROCESS_CREATION}
SET_ASIDE = "log.db.damaged"
_FRESH_BYTES = 512 * 1024
_TRIM_AFTER = 8
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
        self._putting = asyncio.Lock()
        self._waiting = asyncio.Event()
        self._waiting.set()
        self._fresh: dict[tuple[str, int], EventBatch] = {}
        """By class and offset: what was just written need not be read back to be sent."""
        self._fresh_bytes = 0
        self._answered_to: dict[str, int] = {}
        """By class: the centre has what lies below this offset, which a few at a time is deleted."""
        self._untrimmed = 0
        self._out: tuple[str, int, Envelope] | None = None
        self.found = True
        """Whether an earlier life had left something here."""
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

        A spool that can no longer be read is set aside, a new one begun, and a `gap` told: an agent that stands still
        until a person comes would be blind meanwhile.

        Raises Misconfigured when the folder cannot be used or another process has it.
        """
        there = _holds_something(folder)
        trouble = "it could not be read any more" if _mark(folder).exists() else ""
        if not trouble:
            try:
                log = await asyncio.to_thread(_open, folder, clock)
            except Damaged as error:
                trouble = str(error)
        if trouble:
            await asyncio.to_thread(_set_aside, folder)
            log = await asyncio.to_thread(_open, folder, clock)
        spool = cls(log, agent_id, hostname, max_bytes, clock)
        spool.found = there
        if trouble:
            _log.error("spool_damaged", reason=trouble)
            where = f"it is kept as {folder / SET_ASIDE}"
            await spool._tell_gap(None, f"the spool was damaged, and what waited in it is lost ({where}): {trouble}")
        return spool

    async def put(self, logsource: LogSource, events: Iterable[Event]) -> int:
        """`keep` for events that are no bytes yet."""
        return await self.keep({logsource: [canonical(event) for event in events]})

    async def keep(self, lines: Mapping[LogSource, Sequence[bytes]]) -> int:
        """Keep canonical events, all in one commit; returns how many once they are on disk.

        Raises Transient when the disk cannot take them now, and then has taken none. Each event must carry
        `@timestamp`; one larger than a batch cannot travel: it is counted in a `gap` event. Lines of collectors.marks
        are no events: they are kept for `marks`.
        """
        events = {source: some for source, some in lines.items() if source != marks.MARK}
        fitting = {source: [line for line in some if len(line) < MAX_BATCH_BYTES] for source, some in events.items()}
        async with self._putting:
            await self._append(fitting, dict(map(marks.marked, lines.get(marks.MARK, ()))))
            for logsource, some in events.items():
                if giants := len(some) - len(fitting[logsource]):
                    await self._tell_gap(giants, f"events of {logsource} larger than {MAX_BATCH_BYTES} bytes")
                    self.dropped += giants
            if self._log.size() > self._max_bytes:
                await self._make_room()
        return sum(map(len, fitting.values()))

    def marks(self, collector: str) -> dict[str, str]:
        """Where that collector goes on, by its own names: what lies before is here or at the centre."""
        return marks.of_collector(collector, self._log.notes())

    async def next(self, timeout: float) -> EventBatch | None:
        """The oldest batch of the most important class, until `acked` or `rejected`; None after `timeout` seconds."""
        found = await self._oldest()
        if found is None:
            self._waiting.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._waiting.wait()
            except TimeoutError:
                return None
            found = await self._oldest()
        if found is None:
            return None
        name, offset, batch = found
        self._out = name, offset, batch.envelope
        return batch

    async def acked(self, batch: EventBatch) -> None:
        """The centre has `batch`: forget it."""
        out, self._out = self._out, None
        if out is None or out[2] != batch.envelope:
            return
        name, offset, _ = out
        self._answered_to[name] = offset + 1
        self._forget_fresh(name, offset + 1)
        self._untrimmed += 1
        if self._untrimmed >= _TRIM_AFTER or not any(start < end for _, start, end in self._unanswered()):
            await self._trim_answered()

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

    def give_up(self) -> None:
        """It can no longer be read: the next `open` sets it aside."""
        with contextlib.suppress(OSError):
            _mark(self._log.folder).touch()

    async def close(self) -> None:
        with contextlib.suppress(Transient, Damaged):  # else the centre is asked once more, and says that it has them
            await self._trim_answered()
        await self._log.close()

    async def _append(self, lines: Mapping[LogSource, Sequence[bytes]], notes: Mapping[str, str] | None = None) -> None:
        batches: dict[str, list[EventBatch]] = {}
        for logsource, some in lines.items():
            name = class_of(logsource)
            made = (self._numbering[name].batch(logsource, chunk, self._clock()) for chunk in chunks(some))
            batches.setdefault(name, []).extend(made)
        records = {name: [_record(batch) for batch in some] for name, some in batches.items() if some}
        if not records and not notes:
            return
        places = await self._log.append_all(records, notes)
        for name, appended in batches.items():
            for batch, (_, offset) in zip(appended, places.get(name, ()), strict=True):
                if self._fresh_bytes + len(batch.block) <= _FRESH_BYTES:
                    self._fresh[name, offset] = batch
                    self._fresh_bytes += len(batch.block)
        if records:
            self._waiting.set()

    def _unanswered(self) -> Iterator[tuple[str, int, int]]:
        """(class, first offset, end) of what the centre does not have yet, the most important first."""
        for name in CLASSES:
            start, end = self._log.bounds(name)[0]
            yield name, max(start, self._answered_to.get(name, 0)), end

    async def _oldest(self) -> tuple[str, int, EventBatch] | None:
        for name, start, end in self._unanswered():
            if start == end:
                continue
            if fresh := self._fresh.get((name, start)):
                return name, start, fresh
            for record in await self._log.read(name, 0, start, 1):
                try:
                    return name, record.offset, _batch(record)
                except Poison as error:
                    await self._pass_over(name, record.offset, str(error))
                    return await self._oldest()
        return None

    async def _pass_over(self, name: str, offset: int, trouble: str) -> None:
        """A record that the disk gave back otherwise than it was written."""
        async with self._putting:
            await self._tell_gap(None, f"a batch in the spool was damaged, and its events are lost: {trouble}")
        await self._log.trim(name, 0, offset + 1)

    async def _trim_answered(self) -> None:
        self._untrimmed = 0
        await asyncio.gather(*(self._log.trim(name, 0, offset) for name, offset in self._answered_to.items()))

    def _forget_fresh(self, name: str, before: int) -> None:
        for key in [key for key in self._fresh if key[0] == name and key[1] < before]:
            self._fresh_bytes -= len(self._fresh.pop(key).block)

    async def _make_room(self) -> None:
        """Drop the oldest of the lowest class until a tenth is free, told before it is done: a kill between the two
        tells of a loss that did not happen, never the other way round."""
        await self._trim_answered()
        goal = self._max_bytes * 9 // 10
        for name in reversed(CLASSES):
            excess = self._log.size() - goal
            if name == HEALTH or excess <= 0:
                return
            await self._drop(name, excess)

    async def _drop(self, name: str, excess: int) -> None:
        at, end = self._log.bounds(name)[0]
        counts: Counter[LogSource] = Counter()
        spans: dict[LogSource, tuple[str, str]] = {}
        freed = 0
        while freed < excess and at < end:
            if not (records := await self._log.read(name, 0, at, 16)):
                break
            for record in records:
                if freed >= excess:
                    break
                freed += len(record.value)
                at = record.offset + 1
                try:
                    envelope = _batch(record).envelope
                except Poison:
                    await self._tell_gap(None, "the spool was full: dropped a batch that was damaged")
                    continue
                source = envelope.logsource
                counts[source] += envelope.count
                spans[source] = _wider(spans.get(source), _span_of(record.value))
        for logsource, count in counts.items():
            reason = f"the spool was full: dropped the oldest events of {logsource}"
            await self._tell_gap(count, reason, *spans[logsource])
        self.dropped += counts.total()
        self._forget_fresh(name, at)
        await self._log.trim(name, 0, at)
        _log.warning("spool_dropped", events=counts.total(), spool_class=name)

    async def _tell_gap(self, count: int | None, reason: str, first: str = "", last: str = "") -> None:
        """`count` is None when nobody knows how many."""
        event: dict[str, Any] = {
            TIMESTAMP: format_time(self._clock()),
            "Hostname": self._hostname,
            "Kind": "gap",
            "Collector": "spool",
            "Reason": reason,
        }
        if count is not None:
            event["Dropped"] = count
        if first:
            event["From"], event["To"] = first, last
        await self._append({AGENT_HEALTH: [canonical(event)]})

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


def _record(batch: EventBatch) -> NewRecord:
    return NewRecord(b"", batch.block, {"envelope": encode_envelope(batch.envelope)})


def _batch(record: Record) -> EventBatch:
    """Raises Poison when it is none."""
    return EventBatch(decode_envelope(record.headers.get("envelope", b"")), record.value)


def _span_of(block: bytes) -> tuple[str, str]:
    """The earliest and the latest time in it: sources need not tell in order. Canonical times sort as text."""
    times = []
    for line in block.splitlines():
        with contextlib.suppress(orjson.JSONDecodeError, AttributeError):
            times.append(str(orjson.loads(line).get(TIMESTAMP, "")))
    return min(times, default=""), max(times, default="")


def _wider(known: tuple[str, str] | None, more: tuple[str, str]) -> tuple[str, str]:
    return more if known is None else (min(known[0], more[0]), max(known[1], more[1]))


def _open(folder: Path, clock: Clock) -> SqliteEventLog:
    log = SqliteEventLog.open(folder, partitions=1, clock=clock, cache_kib=CACHE_KIB)
    try:
        for name in CLASSES:
            log.bounds(name)  # makes what is not there yet
    except JikimiError:
        log.close_blocking()
        raise
    return log


def _holds_something(folder: Path) -> bool:
    file = folder / "log.db"
    return file.exists() and file.stat().st_size > 0


def _mark(folder: Path) -> Path:
    return folder / "damaged"


def _set_aside(folder: Path) -> None:
    """Only the latest is kept: it may be as large as a spool. Raises Misconfigured."""
    try:
        aside = folder / SET_ASIDE
        (folder / "log.db").replace(aside)
        for left in ("log.db-wal", "log.db-shm"):
            (folder / left).unlink(missing_ok=True)
        _mark(folder).unlink(missing_ok=True)
    except OSError as error:
        raise Misconfigured(f"{folder}: the damaged spool cannot be set aside ({error.strerror})") from error
