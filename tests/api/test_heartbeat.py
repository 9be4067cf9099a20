"""`POST /v1/heartbeat`: the centre knows how each agent is, and when it last heard so."""

from typing import Any

import pytest
from sqlalchemy import select

from jikimi.storage.schema import agents
from tests.api.running_centre import NOW, Agent, RunningCentre, event


async def _row(centre: RunningCentre, agent: Agent) -> Any:
    async with centre.database.read() as connection:
        return (await connection.execute(select(agents).where(agents.c.id == agent.agent_id))).one()


async def test_health_is_kept_as_told_with_the_time(centre: RunningCentre) -> None:
    agent = await centre.agent()
    told = {"version": "0.2.0", "spool": {"bytes": 12}, "collectors": ["파일"]}
    answer = await centre.client.post(
        "/v1/heartbeat", json=told, headers={"Authorization": f"Bearer {agent.credential}"}
    )
    assert answer.status_code == 200
    assert answer.json() == {"time": "2026-11-22T02:13:00.000000Z", "config_version": 1, "credit": 8 << 20}
    row = await _row(centre, agent)
    assert (row.health, row.last_seen, row.version) == (told, NOW, "0.2.0")


async def test_an_upload_is_a_sign_of_life_that_keeps_the_health(centre: RunningCentre) -> None:
    agent = await centre.agent()
    await centre.client.post("/v1/heartbeat", json={"ok": 1}, headers=agent.headers)
    centre.later(minutes=5)
    await centre.upload(agent, [event()])
    row = await _row(centre, agent)
    assert (row.health, row.last_seen) == ({"ok": 1}, centre.clock[0])


@pytest.mark.parametrize("sent", [b"[]", b"{", b"\xff", b'{"a":' + b"[" * 17 + b"]" * 17 + b"}"])
async def test_health_that_is_no_flat_enough_object_is_malformed(centre: RunningCentre, sent: bytes) -> None:
    agent = await centre.agent()
    answer = await centre.client.post("/v1/heartbeat", content=sent, headers=agent.headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


async def test_a_stranger_has_no_heartbeat(centre: RunningCentre) -> None:
    assert (await centre.client.post("/v1/heartbeat", json={})).status_code == 401
