"""Ingest's writes share transactions, and a mark never falls."""

import asyncio

from sqlalchemy import select

from api.credentials import AgentIdentity
from api.ledger import Entry
from jikimi.storage.schema import agent_spools
from tests.api.running_centre import NOW, Agent, RunningCentre


def _identity(agent: Agent) -> AgentIdentity:
    return AgentIdentity(agent.agent_id, agent.tenant_id, agent.device_id, "agent", revoked=False)


async def test_a_mark_that_another_centre_raised_does_not_fall(centre: RunningCentre) -> None:
    who = _identity(await centre.agent())
    for through in (10, 5):
        await centre.app.state.centre.ledger.write(Entry(who, NOW, epoch="e", acked_through=through))
    async with centre.database.read() as connection:
        assert (await connection.execute(select(agent_spools.c.acked_through))).scalar_one() == 10


async def test_entries_that_come_together_are_all_written(centre: RunningCentre) -> None:
    who = _identity(await centre.agent())
    ledger = centre.app.state.centre.ledger
    entries = [Entry(who, NOW, epoch=f"e{n}", acked_through=n, counts={"events_accepted": 2}) for n in range(600)]
    await asyncio.gather(*(ledger.write(entry) for entry in entries))
    async with centre.database.read() as connection:
        rows = await connection.execute(select(agent_spools.c.epoch, agent_spools.c.acked_through))
        assert {row.epoch: row.acked_through for row in rows} == {f"e{n}": n for n in range(600)}
    assert (await centre.totals())["events_accepted"] == 1200


async def test_a_writer_that_goes_away_costs_the_others_nothing(centre: RunningCentre) -> None:
    who = _identity(await centre.agent())
    ledger = centre.app.state.centre.ledger
    tasks = [asyncio.create_task(ledger.write(Entry(who, NOW, counts={"events_accepted": 1}))) for _ in range(6)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [result for n, result in enumerate(results) if n != 1] == [None] * 5
    assert (await centre.totals())["events_accepted"] >= 5
