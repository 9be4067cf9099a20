"""The centre misses agents, over a real database and a real event log."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from jikimi.cli.agent_watch import AgentWatch
from jikimi.storage import silence
from tests.api.running_centre import Agent, RunningCentre, running_centre


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[RunningCentre]:
    async with running_centre(tmp_path) as running:
        running.later(days=1)
        yield running


def watch(centre: RunningCentre) -> AgentWatch:
    return AgentWatch(centre.database, centre.log, lambda: centre.clock[0])


async def beat(centre: RunningCentre, agent: Agent, **health: Any) -> None:
    answer = await centre.client.post("/v1/heartbeat", json=health, headers=agent.headers)
    assert answer.status_code == 200


async def told(centre: RunningCentre) -> list[tuple[str, str, int]]:
    """(kind, computer, how many) in order."""
    events = [event for batch in await centre.logged() for event in batch.events()]
    return [(event["Kind"], event["Hostname"], event.get("Agents", 0)) for event in events]


async def always_on(centre: RunningCentre, agent: Agent) -> None:
    async with centre.database.write() as connection:
        await silence.expect(connection, agent.tenant_id, agent.device_id, always_on=True)


async def test_a_server_that_falls_silent_is_told_once_and_again_when_it_is_back(centre: RunningCentre) -> None:
    agent = await centre.agent(device="파일서버")
    await always_on(centre, agent)
    watching = watch(centre)
    await beat(centre, agent)
    for _ in range(4):
        centre.later(minutes=4)
        await watching.round()
    await beat(centre, agent)
    await watching.round()
    centre.later(minutes=6)
    await watch(centre).round()  # a centre that has just been started waits
    await watching.round()
    assert await told(centre) == [("silent", "파일서버", 1), ("returned", "파일서버", 0), ("silent", "파일서버", 1)]


async def test_it_is_an_event_of_the_company_and_the_computer(centre: RunningCentre) -> None:
    agent = await centre.agent()
    await always_on(centre, agent)
    watching = watch(centre)
    centre.later(minutes=5)
    await watching.round()
    (batch,) = await centre.logged()
    who = batch.envelope
    assert (who.agent_id, who.tenant_id, who.device_id) == (agent.agent_id, agent.tenant_id, agent.device_id)


async def test_a_pc_that_said_it_stops_is_not_missed(centre: RunningCentre) -> None:
    """11:13 on a Monday in Seoul."""
    quiet, loud = await centre.agent(device="PC-1"), await centre.agent(await centre.tenant("다른회사"), device="PC-2")
    await beat(centre, quiet, stopped=True)
    await beat(centre, loud)
    watching = watch(centre)
    centre.later(minutes=40)
    await watching.round()
    assert await told(centre) == [("silent", "PC-2", 1)]


async def test_a_company_whose_line_went_down_is_one_event(centre: RunningCentre) -> None:
    tenant = await centre.tenant()
    for number in range(7):
        await beat(centre, await centre.agent(tenant, device=f"PC-{number}"))
    watching = watch(centre)
    centre.later(minutes=40)
    await watching.round()
    await watching.round()
    assert await told(centre) == [("silent", "PC-0", 7)]


async def test_revoked_agents_are_not_missed(centre: RunningCentre) -> None:
    agent = await centre.agent()
    await always_on(centre, agent)
    await centre.agent(agent.tenant_id)
    watching = watch(centre)
    centre.later(minutes=40)
    await watching.round()
    assert len(await told(centre)) == 1
