"""The spool on a real disk."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.batching import MAX_BATCH_EVENTS, chunks
from collectors.sources.feed import Feed
from collectors.spool import Spool
from collectors.supervisor import Supervisor
from jikimi.domain.event import MAX_BATCH_BYTES, Event, EventBatch, canonical
from jikimi.domain.logsource import AGENT_HEALTH, FILE_ACCESS, NETWORK_FLOW, PROCESS_CREATION, LogSource
from jikimi.errors import Misconfigured, Transient
from jikimi.stream.sqlite_writer import Transaction
from tests.collectors.drained import drain
from tests.small_disk import hog


def _events(count: int, start: int = 0, size: int = 100) -> list[Event]:
    return [
        {"@timestamp": f"2026-11-22T00:00:{n % 60:02}.000000Z", "n": n + start, "p": "x" * size} for n in range(count)
    ]


async def test_batches_are_numbered_without_a_hole_and_stay_below_the_agreed_size(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path, agent_id="a1")
    assert await spool.put(NETWORK_FLOW, _events(1000, size=2000)) == 1000
    assert await spool.put(NETWORK_FLOW, _events(7, 1000)) == 7
    batches = await drain(spool)
    await spool.close()
    expected = 1
    for batch in batches:
        assert batch.envelope.first_seq == expected
        assert len(list(batch.lines())) == batch.envelope.count
        assert len(batch.block) <= MAX_BATCH_BYTES
        expected += batch.envelope.count
    assert expected == 1008
    assert len({batch.envelope.epoch for batch in batches}) == 1


async def test_a_batch_stays_until_it_is_acknowledged(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path, agent_id="a1")
    await spool.put(NETWORK_FLOW, _events(1))
    await spool.put(NETWORK_FLOW, _events(1, 1))
    first = await spool.next(0)
    assert first is not None
    assert await spool.next(0) == first
    await spool.acked(first)
    second = await spool.next(0)
    assert second is not None
    assert second.envelope.first_seq == 2
    await spool.close()


async def test_a_failed_commit_keeps_none_of_several_log_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever tries again would otherwise double what had been kept."""
    spool = await Spool.open(tmp_path, agent_id="a1")
    lines = {source: [canonical(event) for event in _events(2)] for source in (NETWORK_FLOW, FILE_ACCESS)}
    with monkeypatch.context() as broken:
        broken.setattr(Transaction, "finish", _fail)
        with pytest.raises(Transient):
            await spool.keep(lines)
    assert await spool.keep(lines) == 4
    assert sorted(batch.envelope.count for batch in await drain(spool)) == [2, 2]
    await spool.close()


async def test_numbers_of_a_refused_write_are_given_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hole would be declared lost to the centre, though the events come under later numbers."""
    spool = await Spool.open(tmp_path, agent_id="a1")
    await spool.put(FILE_ACCESS, _events(2))
    with monkeypatch.context() as broken:
        broken.setattr(Transaction, "finish", _fail)
        for _ in range(3):
            with pytest.raises(Transient):
                await spool.put(FILE_ACCESS, _events(5, 2))
    await spool.put(FILE_ACCESS, _events(5, 2))
    batches = await drain(spool)
    await spool.close()
    assert [(batch.envelope.first_seq, batch.envelope.last_seq) for batch in batches] == [(1, 2), (3, 7)]


async def test_what_was_answered_for_before_a_kill_does_not_come_again(tmp_path: Path) -> None:
    """Though it was not deleted yet: deleting each batch at once would cost a commit a batch."""
    code = _ANSWERED.format(folder=str(tmp_path))
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], check=False)
    spool = await Spool.open(tmp_path, agent_id="a1")
    batches = await drain(spool)
    await spool.close()
    assert [batch.envelope.first_seq for batch in batches] == [2, 3]
    assert len({batch.envelope.epoch for batch in batches}) == 1


async def test_a_backlog_larger_than_what_is_held_in_memory_is_read_from_disk_in_order(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path, agent_id="a1")
    for start in range(0, 2000, 100):
        await spool.put(NETWORK_FLOW, _events(100, start, size=1000))
    numbers = [event["n"] for batch in await drain(spool) for event in batch.events()]
    assert numbers == list(range(2000))
    assert spool.waiting_bytes() == 0
    await spool.close()


async def test_what_was_not_acknowledged_is_there_after_a_restart_with_its_numbers(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path, agent_id="a1")
    await spool.put(NETWORK_FLOW, _events(5))
    before = await spool.next(0)
    await spool.close()
    again = await Spool.open(tmp_path, agent_id="a1")
    await again.put(NETWORK_FLOW, _events(2, 5))
    old, new = await drain(again)
    await again.close()
    assert old == before
    assert (new.envelope.first_seq, new.envelope.epoch == old.envelope.epoch) == (1, False)


LOGS = LogSource(product="linux", service="auth")
SOURCES = (NETWORK_FLOW, PROCESS_CREATION, LOGS, FILE_ACCESS)


class Account:
    """Of events by log source: what was put, what went out, what gaps told as dropped."""

    def __init__(self) -> None:
        self.put: Counter[LogSource] = Counter()
        self.sent: Counter[LogSource] = Counter()
        self.told: Counter[LogSource] = Counter()

    def take(self, batch: EventBatch) -> None:
        if batch.envelope.logsource != AGENT_HEALTH:
            self.sent[batch.envelope.logsource] += batch.envelope.count
        for gap in batch.events() if batch.envelope.logsource == AGENT_HEALTH else ():
            self.told[next(source for source in SOURCES if str(source) in gap["Reason"])] += gap["Dropped"]
            assert gap["From"] <= gap["To"]


STEPS = st.lists(
    st.one_of(st.tuples(st.sampled_from(SOURCES), st.integers(1, 30)), st.just("send"), st.just("restart")), max_size=40
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_what_was_put_is_what_was_sent_told_as_dropped_or_waits(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[LogSource, int] | str]
) -> None:
    """By log source, whatever is sent and restarted in between."""
    folder, account = tmp_path_factory.mktemp("spool"), Account()
    spool = await Spool.open(folder, agent_id="a1", max_bytes=30_000)
    for step in steps:
        if step == "send" and (batch := await spool.next(0)) is not None:
            account.take(batch)
            await spool.acked(batch)
        elif step == "restart":
            await spool.close()
            spool = await Spool.open(folder, agent_id="a1", max_bytes=30_000)
        elif isinstance(step, tuple):
            account.put[step[0]] += await spool.put(step[0], _events(step[1]))
    for batch in await drain(spool):
        account.take(batch)
    await spool.close()
    assert account.sent + account.told == account.put


async def test_dropped_are_flows_and_processes_before_logs_and_logs_before_files(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path, agent_id="a1", max_bytes=60_000)
    account = Account()
    order: list[LogSource] = []
    for source in (FILE_ACCESS, LOGS, PROCESS_CREATION, NETWORK_FLOW):
        for start in range(0, 100, 10):
            account.put[source] += await spool.put(source, _events(10, start))
    for start in range(0, 400, 10):
        account.put[FILE_ACCESS] += await spool.put(FILE_ACCESS, _events(10, start))
    for batch in await drain(spool):
        account.take(batch)
        if batch.envelope.logsource == AGENT_HEALTH:
            order += [source for gap in batch.events() for source in SOURCES if str(source) in gap["Reason"]]
    await spool.close()
    assert account.told[NETWORK_FLOW] == account.told[PROCESS_CREATION] == account.told[LOGS] == 100
    assert account.sent + account.told == account.put
    assert order.index(LOGS) > order.index(PROCESS_CREATION)
    assert order.index(FILE_ACCESS) > max(place for place, source in enumerate(order) if source == LOGS)


async def test_a_gap_says_from_when_to_when_for_each_log_source(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path, agent_id="a1", max_bytes=20_000)
    for source, hour in ((NETWORK_FLOW, 5), (PROCESS_CREATION, 7)):
        late_first = [{"@timestamp": f"2026-11-22T{hour:02}:{59 - n:02}:00.000000Z", "p": "x" * 400} for n in range(10)]
        await spool.put(source, late_first[:5])
        await spool.put(source, late_first[5:])
    await spool.put(FILE_ACCESS, _events(180))
    gaps = [event for batch in await drain(spool) for event in batch.events() if event.get("Kind") == "gap"]
    await spool.close()
    assert [(gap["From"][11:16], gap["To"][11:16], gap["Dropped"]) for gap in gaps][:2] == [
        ("05:50", "05:59", 10),
        ("07:50", "07:59", 10),
    ]


async def test_a_full_spool_drops_the_least_important_first(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path, agent_id="a1", max_bytes=50_000)
    await spool.put(FILE_ACCESS, _events(100))
    for start in range(0, 1000, 50):
        await spool.put(NETWORK_FLOW, _events(50, start))
    batches = await drain(spool)
    await spool.close()
    assert spool.dropped > 0
    files = [event["n"] for batch in batches if batch.envelope.logsource == FILE_ACCESS for event in batch.events()]
    flows = [event["n"] for batch in batches if batch.envelope.logsource == NETWORK_FLOW for event in batch.events()]
    assert files == list(range(100))
    assert flows == list(range(spool.dropped, 1000))


async def test_no_class_gives_way_while_a_less_important_one_has_something_left(tmp_path: Path) -> None:
    """Not even for the room that telling of a drop takes itself."""
    spool = await Spool.open(tmp_path, agent_id="a1", max_bytes=50_000)
    await spool.put(FILE_ACCESS, _events(100))
    for start in range(0, 1000, 10):
        await spool.put(NETWORK_FLOW, _events(10, start))
        assert spool.waiting_bytes() <= 50_000
        while (told := await spool.next(0)) and told.envelope.logsource == AGENT_HEALTH:
            await spool.acked(told)
    files = [batch for batch in await drain(spool) if batch.envelope.logsource == FILE_ACCESS]
    await spool.close()
    assert sum(batch.envelope.count for batch in files) == 100


async def test_an_event_larger_than_a_batch_is_told_as_a_gap(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path, agent_id="a1")
    assert await spool.put(NETWORK_FLOW, [*_events(1), *_events(1, size=MAX_BATCH_BYTES)]) == 1
    gaps = [event for batch in await drain(spool) for event in batch.events() if event.get("Kind") == "gap"]
    await spool.close()
    assert [gap["Dropped"] for gap in gaps] == [1]


async def test_a_second_process_is_told_that_the_spool_is_in_use(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path, agent_id="a1")
    with pytest.raises(Misconfigured):
        await Spool.open(tmp_path, agent_id="a1")
    await spool.close()


@given(st.lists(st.integers(0, MAX_BATCH_BYTES + 10), max_size=30))
def test_chunks_keep_every_line_in_order_within_the_limits(sizes: list[int]) -> None:
    lines = [b"x" * size for size in sizes]
    cut = list(chunks(lines))
    assert [line for chunk in cut for line in chunk] == lines
    for chunk in cut:
        assert chunk
        assert len(chunk) <= MAX_BATCH_EVENTS
        assert len(chunk) == 1 or sum(len(line) + 1 for line in chunk) <= MAX_BATCH_BYTES


_WRITER = """
import asyncio, sys
from pathlib import Path
from collectors.spool import Spool
from jikimi.domain.logsource import NETWORK_FLOW

async def main():
    spool = await Spool.open(Path(sys.argv[1]), agent_id="a1")
    n = 0
    while True:
        await spool.put(NETWORK_FLOW, [{"@timestamp": "2026-11-22T00:00:00Z", "n": n + i} for i in range(10)])
        n += 10
        print(n, flush=True)

asyncio.run(main())
"""


async def test_what_put_returned_for_survives_kill_9(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE) as writer:  # noqa: ASYNC220 - the loop has nothing else to do
        assert writer.stdout is not None
        told = 0
        while told < 300:
            told = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        told = max([told, *(int(line) for line in writer.stdout.read().splitlines() if line)])
    spool = await Spool.open(tmp_path, agent_id="a1")
    numbers = [event["n"] for batch in await drain(spool) for event in batch.events()]
    await spool.close()
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= told


_ANSWERED = """
import asyncio, os
from pathlib import Path
from collectors.spool import Spool
from jikimi.domain.logsource import NETWORK_FLOW

async def main():
    spool = await Spool.open(Path({folder!r}), agent_id="a1")
    for n in range(3):
        await spool.put(NETWORK_FLOW, [{{"@timestamp": "2026-11-22T00:00:00Z", "n": n}}])
    await spool.acked(await spool.next(0))
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""


def _fail(_: Transaction) -> None:
    raise sqlite3.OperationalError("disk I/O error")


@dataclass
class Busy:
    """A source that hands in `count` files as fast as it can."""

    count: int
    name: str = "busy"
    done: threading.Event = field(default_factory=threading.Event)

    def run(self, feed: Feed, stop: threading.Event) -> None:
        for number in range(self.count):
            feed.emit(FILE_ACCESS, {"n": number, "p": "x" * 100})
        self.done.set()
        stop.wait()


@pytest.mark.root
async def test_on_a_disk_without_a_free_byte_all_that_was_seen_is_kept_or_told_as_lost(small_disk: Path) -> None:
    spool = await Spool.open(small_disk / "spool", agent_id="a1")
    await spool.put(FILE_ACCESS, _events(10))
    eaten = hog(small_disk)
    with pytest.raises(Transient, match="free some space"):
        await spool.put(FILE_ACCESS, _events(1))
    busy = Busy(20_000)
    supervisor = Supervisor([busy], spool.keep, "pc-1", first_pause=0.1)
    supervisor.feeds[0]._patience = 0.5  # a source waits for room, in life longer, before it loses anything
    supervisor.start()
    carrying = asyncio.create_task(supervisor.run())
    await asyncio.to_thread(busy.done.wait, 30)
    eaten.unlink()
    while len(supervisor.feeds[0]):  # noqa: ASYNC110 - a feed tells nobody that it is empty
        await asyncio.sleep(0.1)
    await supervisor.stop()
    await carrying
    (feed,) = supervisor.feeds
    batches = await drain(spool)
    await spool.close()
    kept = sum(batch.envelope.count for batch in batches if batch.envelope.logsource == FILE_ACCESS)
    told = [event for batch in batches for event in batch.events() if event.get("Kind") == "gap"]
    assert feed.seen == 20_000
    assert feed.dropped == sum(gap["Dropped"] for gap in told) > 0
    assert kept == 10 + feed.seen - feed.dropped
