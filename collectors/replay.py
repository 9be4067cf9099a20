"""Files fed to the centre as an enrolled device: read, batched, numbered, uploaded, answered for.

Every run is a new spool epoch: a file replayed twice is telemetry twice, on purpose. Within a run nothing is doubled,
whatever happens to the line or the centre. Nothing is kept on disk: what was acknowledged is the centre's, and the rest
is still in the files.
"""

import asyncio
import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from collectors.batching import MAX_BATCH_EVENTS, Numbering
from collectors.files import Problems, SourceEvent, read_events
from jikimi.clock import Clock, utc_now
from jikimi.domain.event import MAX_BATCH_BYTES, TIMESTAMP, EventBatch, canonical, parse_time
from jikimi.domain.logsource import LogSource
from jikimi.errors import Misconfigured

SKEW = timedelta(seconds=60)
"""Events of different log sources travel in different batches; in event time none waits longer than this for others."""

LONGEST_PAUSE = 30.0
"""Seconds; with `speed`, a longer silence in a file is shortened to this."""

_HELD_AT_MOST = 4 * 1024 * 1024
_PACE_EVERY = 0.25


class _Buffer:
    """Lines of one log source waiting to be a batch."""

    def __init__(self, since: datetime) -> None:
        self.lines: list[bytes] = []
        self.size = 0
        self.since = since


class Batcher:
    """Events in, batches out, in order a log source; `flush` at the end. Pure."""

    def __init__(self, numbering: Numbering, clock: Clock = utc_now) -> None:
        self._numbering = numbering
        self._clock = clock
        self._buffers: dict[LogSource, _Buffer] = {}
        self._held = 0

    def add(self, logsource: LogSource, line: bytes, moment: datetime) -> Iterator[EventBatch]:
        """Keep `line`; the batches that are due by it."""
        buffer = self._buffers.get(logsource)
        if buffer is not None and (
            buffer.size + len(line) + 1 > MAX_BATCH_BYTES or len(buffer.lines) == MAX_BATCH_EVENTS
        ):
            yield self._cut(logsource)
            buffer = None
        if buffer is None:
            buffer = self._buffers[logsource] = _Buffer(moment)
        buffer.lines.append(line)
        buffer.size += len(line) + 1
        self._held += len(line) + 1
        if self._held > _HELD_AT_MOST:
            yield from self.flush()
        elif len(self._buffers) > 1:
            late = [source for source, held in self._buffers.items() if abs(moment - held.since) > SKEW]
            for source in late:
                yield self._cut(source)

    def flush(self) -> Iterator[EventBatch]:
        """All that waits, oldest first."""
        for source in sorted(self._buffers, key=lambda source: self._buffers[source].since):
            yield self._cut(source)

    def _cut(self, logsource: LogSource) -> EventBatch:
        buffer = self._buffers.pop(logsource)
        self._held -= buffer.size
        return self._numbering.batch(logsource, buffer.lines, self._clock())


class Pace:
    """Holds events back until their time has come at `speed` times real time."""

    def __init__(
        self, speed: float, wait: Callable[[float], object], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._speed = speed
        self._wait = wait
        self._monotonic = monotonic
        self._origin: tuple[datetime, float] | None = None

    def restart(self) -> None:
        """The next event is the first of another file: its time is now."""
        self._origin = None

    def due_in(self, moment: datetime) -> float:
        """Seconds until an event of `moment` is due, at most LONGEST_PAUSE; negative when it is late."""
        now = self._monotonic()
        if self._origin is None:
            self._origin = (moment, now)
        first, began = self._origin
        pause = began + (moment - first).total_seconds() / self._speed - now
        if pause > LONGEST_PAUSE:
            self._origin = (moment, now + LONGEST_PAUSE)
            return LONGEST_PAUSE
        return pause

    def wait(self, seconds: float) -> None:
        self._wait(seconds)


class FileBatches:
    """The events of `files`, one file after the other, as collectors.uplink.Outgoing.

    Reading runs in a thread, one batch ahead of the upload. `read` and `acked_events` may be looked at any time.
    """

    def __init__(
        self,
        files: Sequence[Path],
        *,
        agent_id: str,
        device: str,
        problems: Problems,
        logsource: LogSource | None = None,
        speed: float | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """`speed` times real time by event time; None: as fast as the centre takes them."""
        self._files = files
        self._device = device
        self._problems = problems
        self._logsource = logsource
        self._progress = progress
        self._stop = threading.Event()
        self._pace = Pace(speed, self._stop.wait) if speed else None
        self._batcher = Batcher(Numbering(agent_id, f"replay-{secrets.token_hex(8)}"))
        self._batches = self._read()
        self._current: EventBatch | None = None
        self._flushed = time.monotonic()
        self._ahead: asyncio.Task[EventBatch | None] | None = None
        self.read = 0
        """Events read from the files."""
        self.failures: list[str] = []
        """Files that could not be read, or not to their end, each with its reason; the others go on."""
        self.acked_events = 0
        """Events the centre answers for."""

    async def next(self, timeout: float) -> EventBatch | None:  # noqa: ARG002 - a file always has its next event at hand
        if self._current is None:
            self._ahead = self._ahead or self._fetch()
            self._current = await asyncio.shield(self._ahead)
            self._ahead = self._fetch() if self._current is not None else None
        return self._current

    async def acked(self, batch: EventBatch) -> None:
        self.acked_events += batch.envelope.count
        self._current = None

    async def rejected(self, batch: EventBatch, reason: str) -> None:
        self._problems.lost("the centre", f"refused a batch: {reason}", batch.envelope.count)
        self._current = None

    async def close(self) -> None:
        """Stop reading, also in the middle of a pause."""
        self._stop.set()
        if self._ahead is not None:
            await asyncio.gather(self._ahead, return_exceptions=True)
        await asyncio.to_thread(self._batches.close)

    def _fetch(self) -> asyncio.Task[EventBatch | None]:
        return asyncio.create_task(asyncio.to_thread(next, self._batches, None))

    def _read(self) -> Generator[EventBatch, None, None]:
        for path in self._files:
            if self._pace is not None:
                self._pace.restart()
            events = read_events(path, logsource=self._logsource, problems=self._problems, progress=self._progress)
            try:
                for found in events:
                    if self._stop.is_set():
                        return
                    yield from self._take(found, path)
            except Misconfigured as error:
                self.failures.append(str(error))
        yield from self._batcher.flush()

    def _take(self, found: SourceEvent, path: Path) -> Iterator[EventBatch]:
        event = found.event
        if "Hostname" not in event and "Computer" not in event:
            event["Hostname"] = self._device
        line = canonical(event)
        if len(line) >= MAX_BATCH_BYTES:
            self._problems.lost(str(path), f"an event of {len(line)} bytes is larger than a batch")
            return
        moment = parse_time(event[TIMESTAMP])
        if self._pace is not None and (pause := self._pace.due_in(moment)) > 0:
            if pause > _PACE_EVERY or time.monotonic() - self._flushed > _PACE_EVERY:
                yield from self._batcher.flush()
                self._flushed = time.monotonic()
            self._pace.wait(pause)
        self.read += 1
        yield from self._batcher.add(found.logsource, line, moment)
