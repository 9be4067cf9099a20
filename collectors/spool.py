"""The agent's spool: what was seen waits on disk until the centre has it.

One SQLite event log with a topic for each class of importance, each with an epoch and sequence numbers of its own, so
that events of the lowest class can go without leaving a hole among the others. A spool that is opened begins new
epochs; what it still holds keeps the numbers it had. Where the disk gives back other bytes than it was given, the spool
mends itself and tells what is missing: an agent that stands still until a person comes would be blind meanwhile.
"""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import orjson
import structlog

from collectors import marks
from collectors.batching import Numbering, chunks
from collectors.spooling.classes import CLASSES, HEALTH, class_of
from collectors.spooling.mending import SET_ASIDE, Before, Opened, mend, open_mended, wal_of
from collectors.spooling.record import batch_of, record_of
from collectors.spooling.salvage import Missing
from collectors.spooling.tide import Tide
from jikimi.clock import Clock, utc_now
from jikimi.domain.event import (
    MAX_BATCH_BYTES,
    TIMESTAMP,
    Envelope,
    Event,
    EventBatch,
    canonical,
    encode_envelope,
    format_time,
)
from jikimi.domain.logsource import AGENT_HEALTH, LogSource
from jikimi.errors import Damaged, JikimiError, Transient
from jikimi.stream.port import Record

T = TypeVar("T")

_NONE: Mapping[str, str] = {}
_UNTOLD = (
    "nothing says how far the spool reached (its file `tide` is missing or damaged): "
    "whether events that waited at its end are lost, nobody knows"
)
_FRESH_BYTES = 512 * 1024
_TRIM_AFTER = 8
_DEAD_LETTERS_AT_MOST = 64 * 1024 * 1024

_log = structlog.get_logger()


class Spool:
    """Durable, bounded, in order a class. Open with `Spool.open`; one process at a time has it.

    Implements collectors.uplink.Outgoing. Not for several event loops; threads hand over to its loop.
    """

    def __init__(
        self, opened: Opened, tide: Tide, agent_id: str, hostname: str, max_bytes: int, clock: Clock, *, found: bool
    ) -> None:
        self._log = opened.log
        self._reaches = opened.reaches
        self._tide = tide
        self._hostname = hostname
        self._max_bytes = max_bytes
        self._clock = clock
        epoch = f"{int(clock().timestamp()):x}-{secrets.token_hex(4)}"
        self._numbering = {name: Numbering(agent_id, f"{epoch}-{name}") for name in CLASSES}
        self._putting = asyncio.Lock()
        self._appending = asyncio.Lock()
        self._mending = asyncio.Lock()
        self._waiting = asyncio.Event()
        self._waiting.set()
        self._fresh: dict[tuple[str, int], EventBatch] = {}
        """By class and offset: what was just written need not be read back to be sent."""
        self._fresh_bytes = 0
        self._untrimmed = 0
        self._out: tuple[str, int, Envelope] | None = None
        self.found = found
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

        Raises Misconfigured when the folder cannot be used or another process has it.
        """
        there = _holds_something(folder)
        tide = Tide(folder)
        try:
            opened = await asyncio.to_thread(open_mended, folder, tide, clock)
        except JikimiError:
            tide.close()
            raise
        spool = cls(opened, tide, agent_id, hostname, max_bytes, clock, found=there)
        if opened.trouble:
            await spool._tell_mended(opened)
        if opened.untold:
            await spool._tell("degraded", _UNTOLD)
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
            places = dict(map(marks.marked, lines.get(marks.MARK, ())))
            await self._whole(lambda: self._append(fitting, places))
            for logsource, some in events.items():
                if giants := len(some) - len(fitting[logsource]):
                    await self._tell_gap(giants, f"events of {logsource} larger than {MAX_BATCH_BYTES} bytes")
                    self.dropped += giants
            if self._log.size() > self._max_bytes:
                await self._whole(self._make_room)
        return sum(map(len, fitting.values()))

    def marks(self, collector: str) -> dict[str, str]:
        """Where that collector goes on, by its own names: what lies before is here or at the centre."""
        return marks.of_collector(collector, self._log.notes())

    async def next(self, timeout: float) -> EventBatch | None:
        """The oldest batch of the most important class, until `acked` or `rejected`; None after `timeout` seconds."""
        found = await self._whole(self._oldest)
        if found is None:
            self._waiting.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._waiting.wait()
            except TimeoutError:
                return None
            found = await self._whole(self._oldest)
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
        name, offset, envelope = out
        self._forget(name, offset + 1, envelope.count)
        self._untrimmed += 1
        if self._untrimmed >= _TRIM_AFTER or not any(start < end for _, start, end in self._unanswered()):
            await self._whole(self._trim_answered)

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

    def waiting_events(self) -> int:
        """Not yet acknowledged; of a class whose events nobody counted, its batches."""
        return sum(reach.batches if reach.events < 0 else reach.events for reach in self._reaches.values())

    async def close(self) -> None:
        with contextlib.suppress(Transient, Damaged):  # what was answered for is deleted at another time
            await self._trim_answered()
        await self._log.close()
        self._tide.write(self._reaches, closed=True)
        self._tide.close()

    async def _whole(self, do: Callable[[], Awaitable[T]]) -> T:
        """`do`, once more after mending where that meets damage. Raises Damaged when mending was of no help."""
        log = self._log
        try:
            return await do()
        except (Damaged, Transient) as error:
            async with self._mending:  # by another, just now: then its log was closed to us
                if self._log is log:
                    if not isinstance(error, Damaged):
                        raise
                    await self._mend(str(error))
        return await do()

    async def _mend(self, trouble: str) -> None:
        folder = self._log.folder
        wal, notes = await asyncio.to_thread(wal_of, folder), self._log.notes()
        await self._log.close()
        before = Before(self._reaches, {}, notes)
        opened = await asyncio.to_thread(mend, folder, wal, self._tide, before, self._clock, trouble)
        self._log, self._reaches = opened.log, opened.reaches
        self._fresh.clear()
        self._fresh_bytes, self._out = 0, None
        await self._tell_mended(opened)

    async def _tell_mended(self, opened: Opened) -> None:
        trouble = f"the spool was damaged ({opened.trouble})"
        _log.error("spool_damaged", reason=opened.trouble, lost_in=[missing.spool_class for missing in opened.missing])
        if not opened.missing:
            await self._tell("degraded", f"{trouble}; all that waited in it could be saved; look after the disk")
        for missing in opened.missing:
            await self._tell_missing(missing, f"{trouble}, it is kept as {self._log.folder / SET_ASIDE}")

    async def _tell_missing(self, missing: Missing, trouble: str) -> None:
        how_many = "an unknown number of" if missing.events is None else missing.events
        reason = f"{trouble}: {how_many} events of the class {missing.spool_class} are lost"
        await self._tell_gap(missing.events, reason, _time(missing.since), _time(missing.until))

    async def _append(self, lines: Mapping[LogSource, Sequence[bytes]], notes: Mapping[str, str] = _NONE) -> None:
        """Raises Transient, Damaged; the numbers are then given again, for nothing went out with them."""
        async with self._appending:
            before = {name: numbering.next for name, numbering in self._numbering.items()}
            batches = self._numbered(lines)
            if not batches and not notes:
                return
            try:
                records = {name: [record_of(batch, notes) for batch in some] for name, some in batches.items()}
                places = await self._log.append_all(records, notes)
            except JikimiError:
                for name, number in before.items():
                    self._numbering[name].next = number
                raise
            for name, appended in batches.items():
                self._reached(name, appended, [offset for _, offset in places[name]])
            if batches:
                self._tide.write(self._reaches)
                self._waiting.set()

    def _numbered(self, lines: Mapping[LogSource, Sequence[bytes]]) -> dict[str, list[EventBatch]]:
        batches: dict[str, list[EventBatch]] = {}
        for logsource, some in lines.items():
            name = class_of(logsource)
            made = [self._numbering[name].batch(logsource, chunk, self._clock()) for chunk in chunks(some)]
            if made:
                batches.setdefault(name, []).extend(made)
        return batches

    def _reached(self, name: str, batches: Sequence[EventBatch], offsets: Sequence[int]) -> None:
        reach = self._reaches[name]
        if reach.start == reach.end:
            reach.since = self._clock().timestamp()
        for batch, offset in zip(batches, offsets, strict=True):
            reach.end = offset + 1
            if reach.events >= 0:
                reach.events += batch.envelope.count
            if self._fresh_bytes + len(batch.block) <= _FRESH_BYTES:
                self._fresh[name, offset] = batch
                self._fresh_bytes += len(batch.block)

    def _forget(self, name: str, before: int, events: int) -> None:
        """The centre has, or nobody will have, what lies below the offset: `events` since the last."""
        reach = self._reaches[name]
        reach.start = before
        if reach.start == reach.end:
            reach.events = 0
        elif reach.events >= 0:
            reach.events -= events
        self._tide.write(self._reaches)
        for key in [key for key in self._fresh if key[0] == name and key[1] < before]:
            self._fresh_bytes -= len(self._fresh.pop(key).block)

    def _unanswered(self) -> Iterator[tuple[str, int, int]]:
        """(class, first offset, end) of what the centre does not have yet, the most important first."""
        for name in CLASSES:
            yield name, self._reaches[name].start, self._reaches[name].end

    async def _oldest(self) -> tuple[str, int, EventBatch] | None:
        for name, start, end in self._unanswered():
            if start == end:
                continue
            if fresh := self._fresh.get((name, start)):
                return name, start, fresh
            (record,) = await self._read(name, start, 1)
            return name, start, batch_of(record.headers, record.value)
        return None

    async def _read(self, name: str, start: int, at_most: int) -> list[Record]:
        """One at least. Raises Damaged where one is missing."""
        records = await self._log.read(name, 0, start, at_most)
        if not records or any(record.offset != start + n for n, record in enumerate(records)):
            raise Damaged(f"batch {start} of the class {name} is missing")
        return records

    async def _trim_answered(self) -> None:
        self._untrimmed = 0
        await asyncio.gather(*(self._log.trim(name, 0, start) for name, start, _ in self._unanswered()))

    async def _make_room(self) -> None:
        """Drop the oldest of the lowest class until a tenth is free, told before it is done: a kill between the two
        tells of a loss that did not happen, never the other way round."""
        await self._trim_answered()
        goal = self._max_bytes * 9 // 10
        for name in reversed(CLASSES):
            if name == HEALTH:
                return
            reach = self._reaches[name]
            while reach.start < reach.end:  # again: what tells of the drop takes room too
                if (excess := self._log.size() - goal) <= 0:
                    return
                await self._drop(name, excess)

    async def _drop(self, name: str, excess: int) -> None:
        at, end = self._reaches[name].start, self._reaches[name].end
        counts: Counter[LogSource] = Counter()
        spans: dict[LogSource, tuple[str, str]] = {}
        freed = 0
        while freed < excess and at < end:
            for record in await self._read(name, at, 16):
                if freed >= excess:
                    break
                freed += len(record.value)
                at = record.offset + 1
                envelope = batch_of(record.headers, record.value).envelope
                source = envelope.logsource
                counts[source] += envelope.count
                spans[source] = _wider(spans.get(source), _span_of(record.value))
        for logsource, count in counts.items():
            reason = f"the spool was full: dropped the oldest events of {logsource}"
            await self._tell_gap(count, reason, *spans[logsource])
        self.dropped += counts.total()
        self._forget(name, at, counts.total())
        await self._log.trim(name, 0, at)
        _log.warning("spool_dropped", events=counts.total(), spool_class=name)

    async def _tell_gap(self, count: int | None, reason: str, first: str = "", last: str = "") -> None:
        """`count` is None when nobody knows how many."""
        fields = {"Dropped": count, "From": first, "To": last if first else ""}
        await self._tell("gap", reason, **{name: value for name, value in fields.items() if value not in (None, "")})

    async def _tell(self, kind: str, reason: str, **fields: object) -> None:
        event: dict[str, Any] = {
            TIMESTAMP: format_time(self._clock()),
            "Hostname": self._hostname,
            "Kind": kind,
            "Collector": "spool",
            "Reason": reason,
            **fields,
        }
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


def _span_of(block: bytes) -> tuple[str, str]:
    """The earliest and the latest time in it: sources need not tell in order. Canonical times sort as text."""
    times = []
    for line in block.splitlines():
        with contextlib.suppress(orjson.JSONDecodeError, AttributeError):
            times.append(str(orjson.loads(line).get(TIMESTAMP, "")))
    return min(times, default=""), max(times, default="")


def _wider(known: tuple[str, str] | None, more: tuple[str, str]) -> tuple[str, str]:
    return more if known is None else (min(known[0], more[0]), max(known[1], more[1]))


def _time(at: float) -> str:
    """ "" for a time that nobody knows."""
    return format_time(datetime.fromtimestamp(at, UTC)) if at > 0 else ""


def _holds_something(folder: Path) -> bool:
    file = folder / "log.db"
    return file.exists() and file.stat().st_size > 0
