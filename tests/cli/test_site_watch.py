"""The service monitoring over a real database, a real event log and a real web server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collectors.websites import fetch
from collectors.websites.addresses import Addresses
from collectors.websites.fetch import SiteFetcher
from collectors.websites.memory import FILES_EVERY, LOOKS_TO_LEARN
from collectors.websites.page import Page
from jikimi.cli.site_watch import AGAIN_AFTER_FAILURE, SiteWatch
from jikimi.domain.event import EventBatch, decode_envelope
from jikimi.storage import tenants, websites
from jikimi.storage.database import Database
from jikimi.storage.migrate import upgrade
from jikimi.stream.port import EVENTS
from jikimi.stream.sqlite import SqliteEventLog
from tests.collectors.websites.server import ServedSite, served
from tests.collectors.websites.site import html

MINUTE = timedelta(minutes=1)


class Watched:
    """A centre that watches one site, on a clock that the test moves."""

    def __init__(self, database: Database, log: SqliteEventLog, pictures: Path, site: ServedSite) -> None:
        self.database = database
        self.log = log
        self.site = site
        self.now = datetime(2026, 11, 22, 2, tzinfo=UTC)
        self._pictures = pictures
        self.watch = self.started()

    def started(self) -> SiteWatch:
        """As a new process."""
        fetcher = SiteFetcher(Addresses(private=True), clock=lambda: self.now)
        watch = SiteWatch(self.database, self.log, fetcher, self._pictures, lambda: self.now)
        watch._draws = False
        return watch

    async def look(self, times: int = 1) -> None:
        for _ in range(times):
            assert await self.watch.look_round() == 1
            self.now += 10 * MINUTE

    async def told(self) -> list[tuple[str, str]]:
        """(check, status) of every event in the log, in order."""
        return [(event["Check"], event["Status"]) for event in await self.events()]

    async def events(self) -> list[dict[str, Any]]:
        consumer = await self.log.consumer("reader", [EVENTS])
        try:
            records = await consumer.poll(max_records=1000, timeout=0.1)
        finally:
            await consumer.close()
        batches = [EventBatch(decode_envelope(record.headers["envelope"]), record.value) for record in records]
        assert {batch.envelope.tenant_id for batch in batches} == {(await self.row()).tenant_id}
        return [event for batch in batches for event in batch.events()]

    async def row(self) -> websites.Website:
        async with self.database.read() as connection:
            return (await websites.load_all(connection))[0]


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    upgrade(tmp_path / "centre.db")
    with served(html()) as site:
        async with Database.sqlite(tmp_path / "centre.db") as database:
            log = SqliteEventLog.open(tmp_path / "log")
            made = Watched(database, log, tmp_path / "pictures", site)
            async with database.write() as connection:
                tenant = await tenants.create_tenant(connection, "대성테크", at=made.now)
                await websites.watch(
                    connection, tenant.id, site.url, name="홈페이지", interval_seconds=300, at=made.now
                )
            yield made
            await log.close()


async def test_a_defaced_page_becomes_an_event_of_its_company(watched: Watched) -> None:
    await watched.look(LOOKS_TO_LEARN)
    watched.site.body = html(title="Hacked by nobody")
    await watched.look()
    assert [told for told in await watched.told() if told != ("up", "ok")] == [("title", "changed")]
    assert (await watched.row()).last_result == "changed: title"
    changed = (await watched.events())[-1]
    assert (changed["Hostname"], changed["Before"], changed["After"]) == ("홈페이지", "대성테크", "Hacked by nobody")


async def test_a_file_of_the_site_that_was_replaced_is_told_within_an_hour(watched: Watched) -> None:
    watched.site.body = html(more='<script src="/app.js"></script>')
    watched.site.files["/app.js"] = b"own()"
    await watched.look(LOOKS_TO_LEARN)
    watched.site.files["/app.js"] = b"steal()"
    await watched.look(FILES_EVERY + 1)
    assert [told for told in await watched.told() if told != ("up", "ok")] == [("scripts", "changed")]


async def test_what_was_learned_outlives_the_process(watched: Watched) -> None:
    await watched.look(LOOKS_TO_LEARN)
    watched.watch = watched.started()
    watched.site.body = html(title="x")
    await watched.look()
    assert (await watched.told())[-1] == ("title", "changed")


async def test_a_site_is_looked_at_when_its_time_has_come(watched: Watched) -> None:
    assert await watched.watch.look_round() == 1
    assert await watched.watch.look_round() == 0
    watched.now += timedelta(seconds=300)
    assert await watched.watch.look_round() == 1


async def test_a_site_that_does_not_answer_is_asked_again_at_once_and_then_told_as_down(watched: Watched) -> None:
    watched.site.status = 500
    assert await watched.watch.look_round() == 1
    watched.now += AGAIN_AFTER_FAILURE
    assert await watched.watch.look_round() == 1
    assert await watched.told() == [("up", "down")]


async def test_while_the_company_deploys_nothing_is_told_and_the_new_site_is_learned(watched: Watched) -> None:
    await watched.look(LOOKS_TO_LEARN)
    async with watched.database.write() as connection:
        await websites.deploy(connection, (await watched.row()).id, watched.now + 15 * MINUTE)
    watched.site.body = html(title="새 대성테크")
    await watched.look(2 + LOOKS_TO_LEARN)
    watched.site.body = html()
    await watched.look()
    assert [told for told in await watched.told() if told != ("up", "ok")] == [("title", "changed")]


async def test_a_site_that_is_watched_no_longer_is_left_alone(watched: Watched) -> None:
    async with watched.database.write() as connection:
        await websites.end(connection, (await watched.row()).id, watched.now)
    assert await watched.watch.look_round() == 0


async def test_to_learn_anew_stands_though_a_look_was_under_way(watched: Watched) -> None:
    await watched.look(LOOKS_TO_LEARN)
    row = await watched.row()
    async with watched.database.write() as connection:
        await websites.deploy(connection, row.id, None)
        await websites.looked(
            connection, row.id, at=watched.now, known=row.memory, memory=b"old", result="", again_in=MINUTE
        )
    assert (await watched.row()).memory is None


async def test_a_site_our_own_code_cannot_read_does_not_end_the_watch(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_html: bytes, _url: str) -> Page:
        raise RecursionError

    with monkeypatch.context() as patched:
        patched.setattr(fetch, "read_page", broken)
        await watched.look()
    assert "RecursionError" in (await watched.row()).last_result
    await watched.look()
    assert "learning" in (await watched.row()).last_result


async def test_a_silent_site_holds_up_no_other(watched: Watched) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with watched.database.write() as connection:
            tenant = (await websites.load_all(connection))[0].tenant_id
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
            await websites.watch(connection, tenant, url, name="x", interval_seconds=300, at=watched.now)
        stop = asyncio.Event()
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(watched.watch.run(stop))
            while watched.site.asked < 2:
                await asyncio.sleep(0.05)
                watched.now += 10 * MINUTE
            stop.set()
