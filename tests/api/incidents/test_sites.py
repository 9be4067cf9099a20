"""How a defaced site looked, and "I am deploying", on its incident's page."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jikimi.domain.risk import RiskLevel
from jikimi.storage import websites
from jikimi.storage.websites import Website
from tests.api.console_client import Analyst
from tests.api.seed import Seed

URL = "https://www.example.com/"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
async def site(analyst_client: Analyst, tmp_path: Path) -> Website:
    """One that was defaced, with its pictures; and an incident of another company."""

    async def write(seed: Seed) -> Website:
        _, made = await seed.defacement(await seed.company("대성테크"), URL)
        await seed.defacement(await seed.company("한빛정밀"), "https://other.example.com/")
        return made

    made = await analyst_client.seed(write)
    folder = tmp_path / "websites" / made.id
    folder.mkdir(parents=True)
    for name in ("own", "changed-20261122T020000Z", "changed-20261122T021000Z"):
        (folder / f"{name}.png").write_bytes(PNG + name.encode())
    assert (await analyst_client.sign_in()).status_code == 303
    return made


async def told(client: Analyst) -> dict[str, Any]:
    answer = await client.http.get("/api/incidents/1001/sites")
    (found,) = answer.json()["sites"]
    return dict(found)


async def test_the_incident_shows_its_site_as_learned_and_as_last_changed(
    analyst_client: Analyst, site: Website
) -> None:
    found = await told(analyst_client)
    assert (found["url"], found["before"]["name"]) == (URL, "own.png")
    assert found["after"] == {"name": "changed-20261122T021000Z.png", "taken_at": "2026-11-22T02:10:00Z"}
    png = await analyst_client.http.get(f"/api/incidents/1001/sites/{site.id}/pictures/{found['after']['name']}")
    assert (png.headers["content-type"], png.content) == ("image/png", PNG + b"changed-20261122T021000Z")


@pytest.mark.parametrize("name", ["changed-20261122T000000Z.png", "../../centre.db", "..%2F..%2Fcentre.db", "own.txt"])
async def test_only_its_own_pictures_can_be_had(analyst_client: Analyst, site: Website, name: str) -> None:
    answer = await analyst_client.http.get(f"/api/incidents/1001/sites/{site.id}/pictures/{name}")
    assert answer.status_code == 404


async def test_a_site_of_another_incident_cannot_be_reached_through_this_one(
    analyst_client: Analyst, site: Website
) -> None:
    assert (await analyst_client.http.get(f"/api/incidents/1002/sites/{site.id}/pictures/own.png")).status_code == 404
    said = await analyst_client.http.post(f"/api/incidents/i1002/sites/{site.id}/deploying", json={"minutes": 60})
    assert said.status_code == 404


async def test_deploying_is_kept_for_the_site_and_noted_in_the_history(analyst_client: Analyst, site: Website) -> None:
    said = await analyst_client.http.post(f"/api/incidents/i1001/sites/{site.id}/deploying", json={"minutes": 60})
    assert said.status_code == 200
    async with analyst_client.database.read() as connection:
        kept = await websites.load(connection, site.id)
    assert kept.deploying_until == analyst_client.clock[0] + timedelta(minutes=60)
    assert (await told(analyst_client))["deploying_until"] == "2026-11-22T03:13:00Z"
    history = (await analyst_client.http.get("/api/incidents/1001")).json()["history"]
    assert history[-1]["detail"]["text"] == f"{URL}: 60분 동안 교체 중"
    analyst_client.later(minutes=61)
    assert (await told(analyst_client))["deploying_until"] is None


async def test_an_incident_about_no_site_has_none(analyst_client: Analyst) -> None:
    async def write(seed: Seed) -> None:
        company = await seed.company("대성테크")
        device = await seed.device(company, "pc-1")
        await seed.incident(company, "x", "x", RiskLevel.low, device=(device, "pc-1"))

    await analyst_client.seed(write)
    await analyst_client.sign_in()
    assert (await analyst_client.http.get("/api/incidents/1001/sites")).json() == {"sites": []}
    assert (await analyst_client.http.get("/api/incidents/9/sites")).status_code == 404
