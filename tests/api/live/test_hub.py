"""A snapshot, then deltas that fit onto it."""

import asyncio
from typing import Any

import orjson
import pytest
from sqlalchemy import update

from api.live.hub import MOST_WAITING, Hub, Listener
from jikimi.domain.risk import RiskLevel
from jikimi.domain.scope import TenantScope
from jikimi.storage.schema import incidents
from tests.api.console_client import Analyst
from tests.api.seed import Seed


@pytest.fixture
async def hub(analyst_client: Analyst) -> Hub:
    async def write(seed: Seed) -> None:
        for name in ("한빛정밀", "대성테크"):
            company = await seed.company(name)
            device = await seed.device(company, "pc")
            await seed.incident(company, f"{name} 일", "x", RiskLevel.medium, device=(device, "pc"))

    await analyst_client.seed(write)
    made: Hub = analyst_client.app.state.hub
    return made


async def following(hub: Hub, listener: Listener, kind: str) -> Any:
    async with asyncio.timeout(60):
        while True:
            raw = await listener.take()
            message = orjson.loads(raw if raw is not None else await hub.snapshot(listener))
            if message["type"] == kind:
                return message


async def test_a_new_incident_reaches_a_listener_as_a_delta_that_fits(hub: Hub, analyst_client: Analyst) -> None:
    async with hub.listen(TenantScope.every_tenant()) as listener:
        snapshot = await following(hub, listener, "snapshot")
        assert {row["number"] for row in snapshot["rows"]} == {1001, 1002}
        await analyst_client.seed(lambda seed: seed.incident("t1", "새 일", "New", RiskLevel.very_high))
        delta = await following(hub, listener, "delta")
    assert delta["after"] == snapshot["seq"]
    assert [row["title_ko"] for row in delta["rows"]] == ["새 일"]


async def test_a_change_outside_the_scope_is_not_told(hub: Hub, analyst_client: Analyst) -> None:
    async with hub.listen(TenantScope.of("t1")) as listener:
        snapshot = await following(hub, listener, "snapshot")
        await analyst_client.seed(lambda seed: seed.change("t3", "i1002"))
        delta = await following(hub, listener, "delta")
    assert [row["tenant"] for row in snapshot["rows"]] == ["한빛정밀"]
    assert delta["rows"] == []
    assert delta["seq"] > snapshot["seq"]


async def test_the_pulse_counts_agents_senders_and_lag(hub: Hub) -> None:
    async with hub.listen(TenantScope.every_tenant()) as listener:
        pulse = (await following(hub, listener, "pulse"))["pulse"]
    assert (pulse["agents"], pulse["silent"], pulse["senders"], pulse["tenants"]) == (2, 0, 2, 2)
    assert pulse["lag"] == {"detector": 3}
    assert pulse["last_event_at"] is not None


async def test_an_agent_not_heard_for_three_minutes_is_named_silent(hub: Hub, analyst_client: Analyst) -> None:
    analyst_client.later(minutes=4)
    async with hub.listen(TenantScope.of("t1")) as listener:
        pulse = (await following(hub, listener, "snapshot"))["pulse"]
    assert pulse["silent"] == 1
    assert pulse["silent_agents"][0]["device"] == "pc"


async def test_a_slow_listener_loses_deltas_but_gets_a_snapshot() -> None:
    listener = Listener(TenantScope.every_tenant())
    listener.stale = False
    for _ in range(MOST_WAITING + 1):
        listener.offer(b"{}")
    assert await listener.take() is None


async def test_the_incident_closed_a_day_ago_leaves_the_queue(hub: Hub, analyst_client: Analyst) -> None:
    async with analyst_client.database.write() as connection:
        closed = update(incidents).where(incidents.c.number == 1001)
        await connection.execute(closed.values(status="closed", closed_at=analyst_client.clock[0]))
    async with hub.listen(TenantScope.every_tenant()) as listener:
        assert len((await following(hub, listener, "snapshot"))["rows"]) == 2
        analyst_client.later(hours=25)
        listener.resync()
        assert [row["number"] for row in (await following(hub, listener, "snapshot"))["rows"]] == [1002]


async def test_a_follower_ends_though_its_query_answers_a_cancellation_with_an_error(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def turns_cancellation_into_an_error() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            raise RuntimeError("connection closed") from error

    monkeypatch.setattr(hub, "_spread_changes", turns_cancellation_into_an_error)
    async with hub.listen(TenantScope.every_tenant()):
        (follower,) = [task for task in asyncio.all_tasks() if task.get_name() == "console-hub"]
        await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await asyncio.wait([follower])


async def test_nobody_listening_means_no_follower(hub: Hub) -> None:
    async with hub.listen(TenantScope.every_tenant()):
        pass
    assert hub._follower is None
