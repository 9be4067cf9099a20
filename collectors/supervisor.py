"""Runs each source in its own thread and carries what they see into the spool.

The only place where threads meet the event loop: sources fill their feeds, `pump` empties them. A source that fails is
started again alone, after 1 s, then twice as long each time up to a minute; the others do not notice.
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import structlog

from collectors.sources.feed import Feed, HealthKind, Observation, Source
from jikimi.domain.logsource import LogSource
from jikimi.errors import Transient

Keep = Callable[[Mapping[LogSource, Sequence[bytes]]], Awaitable[object]]
"""Spool.keep: durable when it returns; raises Transient when the disk cannot take it now."""

TAKE = 2000
LOOK = 1.0
"""Seconds between rounds that found nothing more to carry: one commit for all sources, not one an event."""
ALL_EVERY = 4
"""In each so many rounds also what can wait is carried (collectors.sources.feed.CAN_WAIT)."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
STOP_WITHIN = 5.0

_log = structlog.get_logger()


class Supervisor:
    """`start`, `run` as a task until `stop`, in that order. `feeds` can be read at any time."""

    def __init__(
        self,
        sources: Sequence[Source],
        keep: Keep,
        device: str,
        *,
        marks: Callable[[str], dict[str, str]] = lambda _: {},
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        """`marks` of a source by its name: Spool.marks."""
        self._keep_lines = keep
        self._first_pause = first_pause
        self._stop = threading.Event()
        self._sources = list(sources)
        self.feeds = [Feed(source.name, device, marks=marks(source.name)) for source in sources]
        self._threads = [
            threading.Thread(target=self._keep, args=(source, feed), name=source.name, daemon=True)
            for source, feed in zip(self._sources, self.feeds, strict=True)
        ]
        self._draining = asyncio.Event()

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    async def run(self) -> None:
        """Carry observations into the spool until `stop`."""
        number = 0
        while not self._draining.is_set():
            number += 1
            if await self.pump(all_of_it=number % ALL_EVERY == 0 or self._stop.is_set()) < TAKE:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK):
                        await self._draining.wait()

    async def pump(self, *, all_of_it: bool = True) -> int:
        """What waits now, once round, else only what must not wait; how many observations that was."""
        due = (feed for feed in self.feeds if all_of_it or not feed.can_wait())
        taken = [(feed, some) for feed in due if (some := feed.take(TAKE))]
        if taken:
            await self._keep_safe(taken)
        return sum(len(some) for _, some in taken)

    async def stop(
        self, kind: HealthKind = "stopped", reason: str = "the agent was asked to stop", **fields: object
    ) -> None:
        """Stop intake, then drain: what sources hand in while they end is still kept. `fields` go into what is told."""
        self._stop.set()
        for thread in self._threads:
            await asyncio.to_thread(thread.join, STOP_WITHIN)
        self._draining.set()
        for feed, thread in zip(self.feeds, self._threads, strict=True):
            feed.state = "stopped"
            if thread.is_alive():
                feed.health("degraded", f"did not stop within {STOP_WITHIN:.0f} s")
        if self.feeds:
            self.feeds[0].health(kind, reason, Collector="agent", **fields)
        while await self.pump():
            pass

    async def _keep_safe(self, taken: Sequence[tuple[Feed, list[Observation]]]) -> None:
        """Into the spool, in order a log source, again until the disk takes it (meanwhile the feeds fill up)."""
        lines: dict[LogSource, list[bytes]] = {}
        for _, some in taken:
            for observation in some:
                lines.setdefault(observation.logsource, []).append(observation.line)
        pause = self._first_pause
        while True:
            try:
                await self._keep_lines(lines)
                break
            except Transient as error:
                events = sum(map(len, lines.values()))
                _log.warning("spool_refuses", reason=str(error), events=events)
                if self._draining.is_set():
                    _log.error("lost_at_stop", events=events)
                    return
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        for feed, some in taken:
            feed.kept(some)

    def _keep(self, source: Source, feed: Feed) -> None:
        _name_thread(source.name)
        pause = self._first_pause
        while not self._stop.is_set():
            try:
                source.run(feed, self._stop)
                return
            except Exception as error:  # the outermost pump: one broken source must not take the others along
                reason = f"stopped by an error and is tried again: {type(error).__name__}: {error}"
                _log.warning("source_failed", source=source.name, reason=reason, seconds=pause)
                feed.failed(reason)
            if self._stop.wait(pause):
                return
            pause = min(pause * 2, LONGEST_PAUSE)


def _name_thread(name: str) -> None:
    """So that `top -H` and the agent bench show which source works."""
    with contextlib.suppress(OSError):
        Path("/proc/thread-self/comm").write_text(name[:15])
