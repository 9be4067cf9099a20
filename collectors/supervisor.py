"""Runs each source in its own thread and carries what they see into the spool.

The only place where threads meet the event loop: sources fill their feeds, `pump` empties them. A source that fails is
started again alone, after 1 s, then twice as long each time up to a minute; the others do not notice.
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog

from collectors.sources.feed import Feed, HealthKind, Observation, Source
from jikimi.domain.event import Event
from jikimi.domain.logsource import AGENT_HEALTH, LogSource
from jikimi.errors import Transient

Put = Callable[[LogSource, list[Event]], Awaitable[int]]
"""Spool.put: durable when it returns; raises Transient when the disk cannot take it now."""

TAKE = 2000
LOOK = 1.0
"""Seconds between rounds that found nothing more to carry: a batch a second, not one an event."""
ALL_EVERY = 4
"""In each so many rounds also what can wait is carried (collectors.sources.feed.CAN_WAIT)."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
STOP_WITHIN = 5.0

_log = structlog.get_logger()


class Supervisor:
    """`start`, `run` as a task until `stop`, in that order. `feeds` can be read at any time."""

    def __init__(self, sources: Sequence[Source], put: Put, device: str, *, first_pause: float = FIRST_PAUSE) -> None:
        self._put = put
        self._first_pause = first_pause
        self._stop = threading.Event()
        self._sources = list(sources)
        self.feeds = [Feed(source.name, device) for source in sources]
        self._threads = [
            threading.Thread(target=self._keep, args=(source, feed), name=source.name, daemon=True)
            for source, feed in zip(self._sources, self.feeds, strict=True)
        ]
        self._draining = False

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    async def run(self) -> None:
        """Carry observations into the spool until `stop`."""
        number = 0
        while not self._draining:
            number += 1
            if await self.pump(all_of_it=number % ALL_EVERY == 0 or self._stop.is_set()) < TAKE:
                await asyncio.sleep(LOOK)

    async def pump(self, *, all_of_it: bool = True) -> int:
        """What waits now, once round, else only what must not wait; how many observations that was."""
        moved = 0
        for feed in self.feeds:
            if not all_of_it and feed.can_wait():
                continue
            if taken := feed.take(TAKE):
                await self._keep_safe(feed, taken)
                moved += len(taken)
        return moved

    async def stop(
        self, kind: HealthKind = "stopped", reason: str = "the agent was asked to stop", **fields: object
    ) -> None:
        """Stop intake, then drain: what sources hand in while they end is still kept. `fields` go into what is told."""
        self._stop.set()
        for thread in self._threads:
            await asyncio.to_thread(thread.join, STOP_WITHIN)
        self._draining = True
        for feed, thread in zip(self.feeds, self._threads, strict=True):
            feed.state = "stopped"
            if thread.is_alive():
                feed.health("degraded", f"did not stop within {STOP_WITHIN:.0f} s")
        if self.feeds:
            self.feeds[0].health(kind, reason, Collector="agent", **fields)
        while await self.pump():
            pass

    async def _keep_safe(self, feed: Feed, taken: list[Observation]) -> None:
        """Into the spool, in order a log source, again until the disk takes it (meanwhile the feeds fill up)."""
        groups: dict[LogSource, list[Event]] = {}
        for observation in taken:
            groups.setdefault(observation.logsource, []).append(observation.event)
        pause = self._first_pause
        for logsource, events in groups.items():
            while True:
                try:
                    await self._put(logsource, events)
                    break
                except Transient as error:
                    _log.warning("spool_refuses", reason=str(error), events=len(events))
                    if self._draining:
                        _log.error("lost_at_stop", events=len(events))
                        return
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
            if logsource != AGENT_HEALTH:
                feed.sent += len(events)

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
