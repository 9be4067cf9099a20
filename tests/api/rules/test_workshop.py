"""`/v1/admin/rules/…`: the workshop over rules that are sent and events that were stored, in a process of its own."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.services import Services
from api.settings import ApiSettings
from jikimi.cli.rule_workshop import RuleWorkshop
from jikimi.clock import utc_now
from jikimi.domain.logsource import LogSource
from jikimi.errors import Transient
from jikimi.storage import tenants
from jikimi.storage.database import Database
from jikimi.storage.events import EventStore, StoredEvent
from jikimi.storage.migrate import upgrade
from jikimi.stream.sqlite import SqliteEventLog
from jikimi.testing.batches import NOON, batch_of, events_of
from tests.api.running_centre import ADMIN, RunningCentre
from tests.detectors.workshop.rule_folder import process_rule, write_rules

PROCESS = LogSource("windows", "process_creation")
ROUTES = ("check", "test", "coverage", "backtest")


class Shop:
    """A centre with a workshop, and one rule of its own."""

    def __init__(
        self, client: httpx.AsyncClient, store: EventStore, database: Database, workshop: RuleWorkshop
    ) -> None:
        self.client, self.store, self.database, self.workshop = client, store, database, workshop

    async def ask(self, what: str, **body: Any) -> httpx.Response:
        return await self.client.post(f"/v1/admin/rules/{what}", json=body, headers=ADMIN, timeout=60)


@pytest.fixture
async def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    upgrade(tmp_path / "centre.db")
    log = SqliteEventLog.open(tmp_path / "log", reserve_bytes=0, ballast_bytes=0)
    async with Database.sqlite(tmp_path / "centre.db") as database, await EventStore.open(tmp_path / "events") as store:
        own = write_rules(tmp_path / "own", own=process_rule(7))
        workshop = RuleWorkshop(database, store, lambda: [own])
        token = ADMIN["Authorization"].removeprefix("Bearer ")

        async def status() -> dict[str, Any]:
            return {}

        app = create_app(Services(database, log, store, utc_now, token, status, workshop), ApiSettings())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            yield Shop(client, store, database, workshop)
    await log.close()


@pytest.mark.parametrize("route", ROUTES)
async def test_no_route_answers_without_the_token(centre: RunningCentre, route: str) -> None:
    answer = await centre.client.post(f"/v1/admin/rules/{route}", json={})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorised")


@pytest.mark.parametrize("route", ROUTES)
async def test_a_centre_without_a_workshop_says_so(centre: RunningCentre, route: str) -> None:
    answer = await centre.client.post(f"/v1/admin/rules/{route}", json={}, headers=ADMIN)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"files": {"../x.yml": ""}}, "files"),
        ({"files": {".hidden.yml": ""}}, "files"),
        ({"files": {"x.py": ""}}, "files"),
        ({"files": {f"{n}.yml": "" for n in range(20_001)}}, "at most 20,000"),
        ({"colour": "red"}, "colour"),
        ({"since": "2026-11-22T00:00:00"}, "since"),
        ({"since": "2026-11-22T00:00:00Z", "until": "2026-11-21T00:00:00Z"}, "until"),
        ({"seconds": 10_000}, "seconds"),
    ],
)
async def test_a_wish_that_cannot_be_is_refused_in_words(
    centre: RunningCentre, body: dict[str, Any], words: str
) -> None:
    answer = await centre.client.post("/v1/admin/rules/backtest", json=body, headers=ADMIN)
    assert answer.status_code == 422
    assert words in answer.json()["error"]


async def test_rules_that_are_sent_are_checked_tested_and_covered(shop: Shop) -> None:
    files = {"a.yml": process_rule(1, tags="attack.execution, attack.t1059"), "b.yml": "title: ["}
    checked = (await shop.ask("check", files=files)).json()
    assert (checked["loaded"], [one["file"] for one in checked["refused"]]) == (1, ["b.yml"])
    tested = (await shop.ask("test", files=files)).json()
    assert [one["title"] for one in tested["untested"]] == ["Rule 1"]
    covered = (await shop.ask("coverage", files=files)).json()
    assert covered["tactics"][0]["techniques"][0]["id"] == "T1059"


async def test_a_rule_set_far_larger_than_other_routes_take_is_taken(shop: Shop) -> None:
    padding = "# " + "x" * 100_000 + "\n"
    files = {f"{n}.yml": padding + process_rule(n) for n in range(30)}
    assert (await shop.ask("check", files=files)).json()["loaded"] == 30


async def test_what_a_stranger_sends_is_not_read_at_all(centre: RunningCentre) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        raise AssertionError("the body was read before the token was seen")

    answer = await centre.client.post("/v1/admin/rules/check", content=endless())
    assert answer.status_code == 401


async def test_without_files_the_centre_s_own_rules_are_meant(shop: Shop) -> None:
    assert (await shop.ask("check")).json()["loaded"] == 1


async def test_rules_are_tried_over_what_was_stored(shop: Shop) -> None:
    async with shop.database.write() as connection:
        ids = [(await tenants.create_tenant(connection, name, at=NOON)).id for name in ("한빛정밀", "대성테크")]
    for number, tenant in enumerate(ids, 1):
        batch = batch_of(events_of(3 * number, CommandLine="evil.exe"), tenant_id=tenant, logsource=PROCESS)
        await shop.store.insert([batch], token=tenant)
    files = {"a.yml": process_rule(1)}
    lines = (await shop.ask("backtest", files=files)).text.splitlines()
    found = json.loads(lines[-1])["result"]
    assert (found["events"], found["rules"][0]["by_tenant"]) == (9, {"한빛정밀": 3, "대성테크": 6})
    one = json.loads((await shop.ask("backtest", files=files, tenant="대성테크")).text.splitlines()[-1])["result"]
    assert (one["events"], one["complete"]) == (6, True)
    none = await shop.ask("backtest", files=files, tenant="없는회사")
    assert (none.status_code, "한빛정밀" in none.json()["error"]) == (422, True)


async def test_a_store_that_fails_meanwhile_is_an_error_and_no_result(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shop.database.write() as connection:
        tenant = (await tenants.create_tenant(connection, "한빛정밀", at=NOON)).id
    await shop.store.insert([batch_of(events_of(3), tenant_id=tenant, logsource=PROCESS)], token="t")

    async def failing(*_: object, **__: object) -> AsyncIterator[list[StoredEvent]]:
        raise Transient("the event store refused: out of memory")
        yield []

    monkeypatch.setattr(EventStore, "pages", failing)
    lines = (await shop.ask("backtest", files={"a.yml": process_rule(1)})).text.splitlines()
    assert json.loads(lines[-1]) == {"error": "the event store refused: out of memory"}


async def test_a_rule_set_that_cannot_be_used_is_an_error_and_the_next_wish_is_served(shop: Shop) -> None:
    answer = await shop.ask("coverage", files={"a.yml": "title: ["})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert (await shop.ask("coverage")).status_code == 200
