"""`POST /v1/enrol`: a token is spent once a use, and a computer has one living agent."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.running_centre import ADMIN, RunningCentre, event


async def _enrol(centre: RunningCentre, token: str, **wish: str) -> httpx.Response:
    return await centre.client.post("/v1/enrol", json={"token": token, "device": "회계PC-03", **wish})


async def test_a_token_becomes_an_agent_whose_events_are_taken(centre: RunningCentre) -> None:
    agent = await centre.agent()
    assert (await centre.upload(agent, [event()])).status_code == 200


async def test_the_credential_is_kept_hashed_only(centre: RunningCentre) -> None:
    agent = await centre.agent()
    async with centre.database.read() as connection:
        kept = str((await connection.exec_driver_sql("SELECT * FROM agents")).one())
    assert len(agent.credential) >= 43
    assert agent.credential not in kept


async def test_a_token_is_good_for_so_many_uses(centre: RunningCentre) -> None:
    token = await centre.token(await centre.tenant(), uses=2)
    answers = [await _enrol(centre, token, device=f"PC-{n}") for n in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 401]
    assert answers[2].json()["code"] == "unauthorised"


async def test_enrolments_at_once_never_overspend_a_token(centre: RunningCentre) -> None:
    token = await centre.token(await centre.tenant(), uses=3)
    answers = await asyncio.gather(*(_enrol(centre, token, device=f"PC-{n}") for n in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [401] * 5


async def test_an_expired_token_is_refused(centre: RunningCentre) -> None:
    token = await centre.token(await centre.tenant(), minutes=10)
    centre.later(minutes=10)
    assert (await _enrol(centre, token)).status_code == 401


async def test_wrong_tokens_make_an_address_wait_also_with_a_right_one(centre: RunningCentre) -> None:
    token = await centre.token(await centre.tenant())
    guesses = [(await _enrol(centre, f"guess-{n}")).status_code for n in range(11)]
    assert guesses == [401] * 10 + [429]
    right = await _enrol(centre, token)
    assert (right.status_code, right.json()["code"]) == (429, "quota")
    assert int(right.headers["Retry-After"]) >= 1


async def test_enrolling_a_device_again_keeps_the_device_and_retires_its_older_agent(centre: RunningCentre) -> None:
    tenant = await centre.tenant()
    old, new = await centre.agent(tenant), await centre.agent(tenant)
    assert old.device_id == new.device_id
    assert old.agent_id != new.agent_id
    refused = await centre.upload(old, [event()])
    assert (refused.status_code, refused.json()["code"]) == (403, "revoked")
    assert (await centre.upload(new, [event()])).status_code == 200


async def test_a_replay_beside_an_agent_retires_nobody(centre: RunningCentre) -> None:
    tenant = await centre.tenant()
    agent = await centre.agent(tenant)
    replay = await centre.agent(tenant, kind="replay")
    again = await centre.agent(tenant, kind="replay")
    answers = [await centre.upload(who, [event()]) for who in (agent, replay, again)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]


async def test_the_same_device_name_in_two_companies_is_two_devices(centre: RunningCentre) -> None:
    one = await centre.agent(await centre.tenant("한빛정밀"))
    other = await centre.agent(await centre.tenant("대성테크"))
    assert one.device_id != other.device_id
    assert (await centre.upload(one, [event()])).status_code == 200


async def test_a_token_may_place_the_device_at_a_site(centre: RunningCentre) -> None:
    tenant = await centre.tenant()
    site = await centre.client.post("/v1/admin/sites", json={"tenant": tenant, "name": "창원공장"}, headers=ADMIN)
    await _enrol(centre, await centre.token(tenant, site="창원공장"))
    async with centre.database.read() as connection:
        placed = (await connection.exec_driver_sql("SELECT site_id FROM devices")).scalar_one()
    assert placed == site.json()["id"]


@pytest.mark.parametrize(
    "wish",
    [{"device": ""}, {"device": "  "}, {"device": "x" * 201}, {"device": "a\nb"}, {"kind": "spy"}, {"token": ""}],
)
async def test_a_wish_that_cannot_be_is_refused_with_its_place(centre: RunningCentre, wish: dict[str, str]) -> None:
    token = await centre.token(await centre.tenant())
    answer = await centre.client.post("/v1/enrol", json={"token": token, "device": "PC", **wish})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert answer.json()["error"].startswith(next(iter(wish)))


async def test_a_body_that_is_not_json_is_malformed(centre: RunningCentre) -> None:
    answer = await centre.client.post("/v1/enrol", content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


async def test_a_body_without_end_is_not_read(centre: RunningCentre) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 64:
            sent += 1
            yield b" " * (64 * 1024)

    answer = await centre.client.post("/v1/enrol", content=endless(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert sent < 64
