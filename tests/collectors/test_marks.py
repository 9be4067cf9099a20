"""Places are kept in one commit with the events before them."""

import asyncio
import threading
from pathlib import Path

import pytest

from collectors.marks import MARK, mark
from collectors.sources.feed import Feed
from collectors.spool import Spool
from collectors.supervisor import Supervisor
from jikimi.domain.logsource import LogSource
from jikimi.errors import Transient

SYSLOG = LogSource(product="linux", service="syslog")
LINE = b'{"@timestamp":"2026-11-22T00:00:00.000000Z","message":"one"}'


async def test_a_mark_is_there_again_when_the_spool_is_opened_and_is_never_sent(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path, agent_id="a")
    assert await spool.keep({SYSLOG: [LINE], MARK: [mark("logs", "/var/log/설계.log", "7")]}) == 1
    await spool.close()
    again = await Spool.open(tmp_path, agent_id="a")
    assert again.marks("logs") == {"/var/log/설계.log": "7"}
    assert again.marks("other") == {}
    batch = await again.next(0)
    assert batch is not None
    assert batch.envelope.logsource == SYSLOG
    await again.acked(batch)
    assert await again.next(0) is None
    assert again.waiting_bytes() == 0
    await again.close()


async def test_the_last_mark_of_a_name_counts_and_an_empty_one_forgets_it(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path, agent_id="a")
    await spool.keep({MARK: [mark("logs", "a", "1"), mark("logs", "b", "1"), mark("logs", "a", "2")]})
    await spool.keep({MARK: [mark("logs", "b", "")]})
    assert spool.marks("logs") == {"a": "2"}
    await spool.close()
    again = await Spool.open(tmp_path, agent_id="a")
    assert again.marks("logs") == {"a": "2"}
    await again.close()


async def test_a_mark_is_not_kept_when_its_events_are_not(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path, agent_id="a")
    await spool.close()
    with pytest.raises(Transient):
        await spool.keep({SYSLOG: [LINE], MARK: [mark("logs", "a", "1")]})
    assert spool.marks("logs") == {}


class Breaks:
    """Breaks off once, after it has handed in a mark."""

    name = "logs"

    def __init__(self) -> None:
        self.found: list[dict[str, str]] = []

    def run(self, feed: Feed, stop: threading.Event) -> None:
        self.found.append(dict(feed.marks))
        feed.mark("a", "2")
        if len(self.found) < 2:
            raise OSError("broke off")
        stop.wait()


async def test_a_source_finds_its_marks_also_when_it_is_started_again_alone(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path, agent_id="a")
    await spool.keep({MARK: [mark("logs", "a", "1")]})
    source = Breaks()
    supervisor = Supervisor([source], spool.keep, "pc", marks=spool.marks, first_pause=0.01)
    supervisor.start()
    for _ in range(500):
        if len(source.found) == 2:
            break
        await asyncio.sleep(0.01)
    await supervisor.stop()
    assert source.found == [{"a": "1"}, {"a": "2"}]
    assert spool.marks("logs") == {"a": "2"}
    await spool.close()
