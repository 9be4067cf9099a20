"""`/v1/admin/websites`: which sites are looked at."""

import httpx
import pytest

from tests.api.running_centre import ADMIN, RunningCentre


async def _post(centre: RunningCentre, path: str, **wish: object) -> httpx.Response:
    return await centre.client.post(f"/v1/admin/websites{path}", json=wish, headers=ADMIN)


async def _list(centre: RunningCentre) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await centre.client.get("/v1/admin/websites", headers=ADMIN)).json()
    return found


async def test_a_site_is_watched_until_it_is_not(centre: RunningCentre) -> None:
    await centre.tenant("한빛정밀")
    added = await _post(centre, "", url="https://www.example.com")
    assert added.status_code == 201
    assert [(one["tenant"], one["url"], one["name"]) for one in await _list(centre)] == [
        ("한빛정밀", "https://www.example.com/", "www.example.com")
    ]
    assert (await _post(centre, f"/{added.json()['id']}/end")).status_code == 200
    assert await _list(centre) == []


async def test_a_site_is_watched_once_a_company(centre: RunningCentre) -> None:
    await centre.tenant("한빛정밀")
    assert (await _post(centre, "", url="https://www.example.com/")).status_code == 201
    again = await _post(centre, "", url="https://www.example.com/")
    assert again.status_code == 422
    assert "watched already" in again.json()["error"]


@pytest.mark.parametrize("url", ["www.example.com", "ftp://www.example.com/", "https://", "javascript:alert(1)"])
async def test_what_no_browser_opens_is_refused(centre: RunningCentre, url: str) -> None:
    await centre.tenant("한빛정밀")
    answer = await _post(centre, "", url=url)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_deploying_lasts_as_long_as_said_and_ends_when_said(centre: RunningCentre) -> None:
    await centre.tenant("한빛정밀")
    site = (await _post(centre, "", url="https://www.example.com/")).json()["id"]
    assert (await _post(centre, f"/{site}/deploying", minutes=30)).json()["deploying_until"] == "2026-11-22T02:43:00Z"
    assert (await _post(centre, f"/{site}/deploying", minutes=0)).json()["deploying_until"] is None


async def test_a_site_nobody_watches_is_not_there(centre: RunningCentre) -> None:
    assert (await _post(centre, "/nobody/deploying")).status_code == 422
