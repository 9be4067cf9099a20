"""`/v1/admin/rules/…`: stages, exceptions, quarantine and bundles, by the admin token only, each change on record."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from api.access_records import broken_at
from api.app import create_app
from api.services import Services
from api.settings import ApiSettings
from detectors.release import bundle
from jikimi.clock import utc_now
from jikimi.signing import SigningKey
from jikimi.storage.events import EventStore
from jikimi.storage.schema import access_records, rule_quarantine
from tests.api.running_centre import ADMIN, RunningCentre
from tests.detectors.release.test_life import BACKUP
from tests.detectors.release.watch import RULES, Watch, watch_in

SHELL = "5a1c0a52-7d8b-4b8f-9d5e-000000000001"
ROUTES = [
    ("GET", ""),
    ("GET", "/hits?rule=shell"),
    ("POST", "/stage"),
    ("GET", "/quarantine"),
    ("POST", "/release"),
    ("GET", "/exceptions"),
    ("POST", "/exceptions"),
    ("POST", "/exceptions/x/withdraw"),
    ("POST", "/reload"),
    ("POST", "/bundle"),
    ("GET", "/workers"),
    ("GET", "/refused"),
    ("GET", "/history"),
]


class Desk:
    """A centre over a watch, and a client of it."""

    def __init__(self, watch: Watch, client: httpx.AsyncClient) -> None:
        self.watch = watch
        self._client = client

    async def get(self, path: str = "", **query: Any) -> Any:
        answer = await self._client.get(f"/v1/admin/rules{path}", params=query, headers=ADMIN)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, **wish: Any) -> httpx.Response:
        return await self._client.post(f"/v1/admin/rules{path}", json=wish, headers=ADMIN)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async def status() -> dict[str, Any]:
        return {}

    async with watch_in(tmp_path) as watch:
        token = ADMIN["Authorization"].split()[1]
        events = cast("EventStore", None)
        services = Services(watch.database, watch.log, events, utc_now, token, status, rule_desk=watch.desk)
        transport = httpx.ASGITransport(create_app(services, ApiSettings()))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield Desk(watch, client)


def exception(**changes: Any) -> dict[str, Any]:
    wish = {"tenant": "회사 a", "rule": "shell", "filter": BACKUP.replace("NAME", "shell")}
    return wish | {"owner": "kim", "reason": "backup", "until": f"{datetime.now(UTC).year + 1}-01-01"} | changes


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_no_route_answers_without_the_token(centre: RunningCentre, method: str, path: str) -> None:
    answer = await centre.client.request(method, f"/v1/admin/rules{path}", json={})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorised")


async def test_a_process_without_detectors_says_so(centre: RunningCentre) -> None:
    answer = await centre.client.get("/v1/admin/rules", headers=ADMIN)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_a_rule_is_staged_listed_and_on_record(desk: Desk) -> None:
    told = await desk.post("/stage", rule="A Shell", stage="shadow", why="too loud", by="minsu")
    assert told.json() == {"id": SHELL, "title": "A Shell", "was": "live", "stage": "shadow"}
    (listed,) = await desk.get(stage="shadow")
    assert (listed["id"], listed["by"], listed["why"], listed["hits"]) == (SHELL, "minsu", "too loud", 0)
    assert {rule["stage"] for rule in await desk.get()} == {"live", "shadow", "feeds"}
    (record,) = await desk.watch.rows(access_records)
    assert (record.account, record.tenant_id, record.task) == ("minsu", "*", "rule A Shell: shadow")
    async with desk.watch.database.read() as connection:
        assert await broken_at(connection) is None


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"rule": "nobody", "stage": "live", "why": "x"}, "rules list"),
        ({"rule": "shell", "stage": "beta", "why": "x"}, "stage"),
        ({"rule": "shell", "stage": "live", "why": ""}, "why"),
        ({"rule": "shell", "stage": "live"}, "why"),
        ({"rule": "step", "stage": "draft", "why": "x"}, "only feeds 'Many Steps'"),
    ],
)
async def test_a_stage_that_cannot_be_is_refused_in_words(desk: Desk, wish: dict[str, Any], words: str) -> None:
    answer = await desk.post("/stage", **wish)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert words in answer.json()["error"]
    assert await desk.watch.rows(access_records) == []


async def test_an_exception_is_granted_listed_and_withdrawn(desk: Desk) -> None:
    granted = await desk.post("/exceptions", **exception())
    assert (granted.status_code, granted.json()["tenant"]) == (201, "회사 a")
    (listed,) = await desk.get("/exceptions", tenant="회사 a")
    assert (listed["state"], listed["rule"], listed["suppressed"]) == ("in force", "A Shell", 0)
    assert await desk.get("/exceptions", tenant="회사 b") == []
    path = f"/exceptions/{listed['id']}/withdraw"
    assert (await desk.post(path, why="moved")).status_code == 200
    assert (await desk.post(path, why="moved")).status_code == 422
    assert [one["state"] for one in await desk.get("/exceptions")] == ["withdrawn"]
    assert [line["kind"] for line in await desk.get("/history", rule="shell")] == ["withdrawn", "excepted"]
    first, _ = await desk.watch.rows(access_records)
    assert first.tenant_id == "a"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rule": "nobody"}, "no rule 'nobody'"),
        ({"tenant": "없는회사"}, "없는회사"),
        ({"tenant": None}, "several companies"),
        ({"until": "tomorrow"}, "no date"),
        ({"until": "2027-01-01T00:00:00"}, "time zone"),
        ({"until": "2999-01-01"}, "a year at most"),
        ({"owner": ""}, "owner"),
        ({"filter": "junk"}, "Sigma filter"),
    ],
)
async def test_an_exception_that_may_not_be_is_refused_in_words(
    desk: Desk, changes: dict[str, Any], words: str
) -> None:
    answer = await desk.post("/exceptions", **exception(**changes))
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert await desk.get("/exceptions") == []


async def test_a_quarantined_rule_is_shown_and_released(desk: Desk) -> None:
    async with desk.watch.database.write() as connection:
        await connection.execute(
            rule_quarantine.insert().values(
                rule_id=SHELL,
                tenant_id="a",
                rule_version="1",
                kind="flooded",
                reason="too many",
                at=desk.watch.now,
                overflow=3,
            )
        )
    (shown,) = await desk.get("/quarantine")
    assert (shown["title"], shown["overflow"], shown["applies"]) == ("A Shell", 3, False)
    freed = await desk.post("/release", rule="shell", why="mended")
    assert freed.json() == {"id": SHELL, "companies": ["a"], "overflow": 3}
    assert (await desk.post("/release", rule="shell", why="again")).status_code == 422


async def test_a_bundle_is_installed_from_a_file_and_a_refused_one_says_why(desk: Desk, tmp_path: Path) -> None:
    key = SigningKey.generate()
    desk.watch.library.trusted.mkdir()
    key.write(desk.watch.library.trusted / "key")
    files = {f"pack/{name}": text.encode() for name, text in RULES.items()}
    good = bundle.make(files, key, version=2, created=desk.watch.now)
    (tmp_path / "b").write_bytes(good)
    told = await desk.post("/bundle", file=str(tmp_path / "b"), by="minsu")
    assert (told.status_code, told.json()["version"], told.json()["rules"]) == (202, 2, 4)
    again = await desk.post("/bundle", file=str(tmp_path / "b"))
    missing = await desk.post("/bundle", file=str(tmp_path / "nothing"))
    assert [answer.status_code for answer in (again, missing)] == [422, 422]
    assert "not above 2" in again.json()["error"]
    refused, installed = await desk.get("/history")
    assert "not above 2" in refused["detail"]["refused"]
    assert (installed["actor"], installed["detail"]["version"]) == ("minsu", 2)


async def test_a_reload_answers_which_version_to_wait_for(desk: Desk) -> None:
    async with desk.watch.working():
        answer = await desk.post("/reload")
        assert answer.json() == {"content_version": 1}
        await desk.watch.followed()
        (worker,) = await desk.get("/workers")
    assert (worker["id"], worker["content_version"], worker["rules"], worker["error"]) == ("detector", 1, 4, "")
