"""Device passports: issued, prolonged, withdrawn on record, and handed to the company's agents only."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from jikimi.storage.schema import access_records
from tests.api.running_centre import ADMIN, NOW, RunningCentre

ROUTE = "/v1/admin/device-passports"


async def _post(centre: RunningCentre, path: str = "", **wish: Any) -> httpx.Response:
    return await centre.client.post(ROUTE + path, json=wish, headers=ADMIN)


async def _issue(centre: RunningCentre, **more: Any) -> Any:
    answer = await _post(centre, **{"serial": "S-1", "holder": "김하늘", "approved_by": "이부장", **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def _listed(centre: RunningCentre) -> Any:
    return (await centre.client.get(ROUTE, headers=ADMIN)).json()


async def test_a_passport_is_issued_with_its_holder_and_listed(centre: RunningCentre) -> None:
    await centre.tenant()
    issued = await _issue(centre, purpose="고객 납품")
    (listed,) = await _listed(centre)
    assert listed == issued
    assert (listed["state"], listed["holder"], listed["purpose"]) == ("allowed", "김하늘", "고객 납품")


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"serial": ""}, "serial number"),
        ({"holder": ""}, "holder"),
        ({"valid_until": "2020-01-01T00:00:00Z"}, "before it begins"),
        ({"valid_until": "2027-01-01T00:00:00"}, "valid_until"),
    ],
)
async def test_a_passport_that_cannot_be_is_refused_in_words(
    centre: RunningCentre, wish: dict[str, Any], words: str
) -> None:
    await centre.tenant()
    answer = await _post(centre, **{"serial": "S-1", "holder": "김하늘", "approved_by": "이부장", **wish})
    assert answer.status_code == 422
    assert words in answer.json()["error"]


async def test_an_approval_ends_at_its_time_and_can_be_prolonged(centre: RunningCentre) -> None:
    await centre.tenant()
    issued = await _issue(centre, valid_until=(NOW + timedelta(hours=1)).isoformat())
    centre.later(hours=2)
    assert (await _listed(centre))[0]["state"] == "expired"
    until = (NOW + timedelta(days=1)).isoformat()
    assert (await _post(centre, f"/{issued['id']}/until", until=until, by="박이사")).json()["state"] == "allowed"


async def test_a_withdrawn_passport_stays_withdrawn(centre: RunningCentre) -> None:
    await centre.tenant()
    issued = await _issue(centre)
    first = (await _post(centre, f"/{issued['id']}/revoke", by="이부장")).json()
    centre.later(hours=1)
    again = (await _post(centre, f"/{issued['id']}/revoke", by="이부장")).json()
    assert (first["state"], again["revoked_at"]) == ("revoked", first["revoked_at"])
    until = (NOW + timedelta(days=1)).isoformat()
    assert (await _post(centre, f"/{issued['id']}/until", until=until, by="이부장")).status_code == 422


async def test_every_change_is_on_the_access_record(centre: RunningCentre) -> None:
    await centre.tenant()
    issued = await _issue(centre)
    await _post(centre, f"/{issued['id']}/revoke", by="박이사")
    await _post(centre, "/enforcement", enforcement="read_only", by="박이사")
    async with centre.database.read() as connection:
        rows = (await connection.execute(select(access_records.c.account, access_records.c.task))).all()
    assert [row.account for row in rows] == ["이부장", "박이사", "박이사"]
    assert "revoked" in rows[1].task


async def test_agents_get_their_company_s_register_and_know_when_it_changed(centre: RunningCentre) -> None:
    agent = await centre.agent()
    first = await centre.client.get("/v1/config", headers=agent.headers)
    await _issue(centre)
    beat = (await centre.client.post("/v1/heartbeat", json={}, headers=agent.headers)).json()
    second = await centre.client.get("/v1/config", headers=agent.headers)
    assert second.json()["version"] == beat["config_version"] > first.json()["version"]
    assert [one["serial"] for one in second.json()["media"]["passports"]] == ["S-1"]
    again = await centre.client.get("/v1/config", headers={**agent.headers, "If-None-Match": second.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_another_company_s_agent_gets_nothing_of_it(centre: RunningCentre) -> None:
    agent = await centre.agent()
    await centre.tenant("대성테크")
    await _issue(centre, tenant="대성테크")
    told = (await centre.client.get("/v1/config", headers=agent.headers)).json()
    assert told["media"].get("passports", []) == []
    assert (await centre.client.get("/v1/config")).status_code == 401
