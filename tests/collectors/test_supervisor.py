"""The supervisor carries everything into the spool, and one broken source stays alone with its trouble."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from collectors.sources.feed import Feed
from collectors.supervisor import Supervisor
from jikimi.domain.event import Event
from jikimi.domain.logsource import AGENT_HEALTH, FILE_ACCESS, LogSource
from jikimi.errors import Transient


@dataclass
class Counting:
    """Hands in numbers; fails as often as told, before the first of them."""

    name: str
    count: int
    failures: int = 0
    last_words: int = 0

    def run(self, feed: Feed, stop: threading.Event) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("broken")
        feed.running("counting")
        for number in range(self.count):
            feed.emit(FILE_ACCESS, {"Number": number})
        stop.wait()
        for number in range(self.last_words):
            feed.emit(FILE_ACCESS, {"Number": -1 - number})


@dataclass
class Kept:
    """A spool in memory that refuses as often as told."""

    refusals: int = 0
    grown: asyncio.Event = field(default_factory=asyncio.Event)
    events: list[tuple[LogSource, Event]] = field(default_factory=list)

    async def keep(self, lines: Mapping[LogSource, Sequence[bytes]]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise Transient("disk full")
        self.events += [(source, orjson.loads(line)) for source, some in lines.items() for line in some]
        self.grown.set()

    async def until(self, wanted: int) -> None:
        while len(self.numbers()) < wanted:
            self.grown.clear()
            await self.grown.wait()

    def numbers(self) -> list[int]:
        return [event["Number"] for logsource, event in self.events if logsource == FILE_ACCESS]

    def health(self, **fields: Any) -> list[Event]:
        return [
            event
            for logsource, event in self.events
            if logsource == AGENT_HEALTH and all(event.get(name) == value for name, value in fields.items())
        ]


async def supervise(kept: Kept, *sources: Counting, wanted: int) -> Supervisor:
    supervisor = Supervisor(sources, kept.keep, "pc", first_pause=0.01)
    supervisor.start()
    carrying = asyncio.create_task(supervisor.run())
    async with asyncio.timeout(60):
        await kept.until(wanted)
    await supervisor.stop()
    await carrying
    return supervisor


async def test_everything_seen_is_kept_in_order_with_time_and_device() -> None:
    kept = Kept()
    supervisor = await supervise(kept, Counting("a", 20_000), wanted=20_000)
    assert kept.numbers() == list(range(20_000))
    assert all(event["Hostname"] == "pc" and event["@timestamp"].endswith("Z") for _, event in kept.events)
    feed = supervisor.feeds[0]
    assert (feed.seen, feed.sent, feed.dropped, feed.state) == (20_000, 20_000, 0, "stopped")


async def test_a_source_that_fails_is_tried_again_and_told_once() -> None:
    kept = Kept()
    await supervise(kept, Counting("broken", 5, failures=3), wanted=5)
    assert kept.numbers() == list(range(5))
    assert len(kept.health(Kind="degraded", Collector="broken")) == 1
    assert kept.health(Kind="heartbeat", Collector="broken"), "its recovery is told too"


async def test_a_source_that_never_works_does_not_stop_the_others() -> None:
    kept = Kept()
    supervisor = await supervise(kept, Counting("dead", 1, failures=10**9), Counting("well", 100), wanted=100)
    assert supervisor.feeds[1].sent == 100
    assert supervisor.feeds[0].seen == 0


async def test_what_a_source_hands_in_while_it_ends_is_kept() -> None:
    kept = Kept()
    await supervise(kept, Counting("a", 1, last_words=3000), wanted=1)
    assert len(kept.numbers()) == 3001
    assert len(kept.health(Kind="stopped")) == 1


async def test_a_disk_that_refuses_for_a_while_costs_nothing() -> None:
    kept = Kept(refusals=4)
    await supervise(kept, Counting("a", 100), wanted=100)
    assert kept.numbers() == list(range(100))
