"""`jikimi up --kafka`: the same centre on a real Apache Kafka."""

import asyncio
import signal
from pathlib import Path

import pytest
from sqlalchemy import select

from jikimi.settings import DataDir
from jikimi.storage.database import Database
from jikimi.storage.schema import counters, tenants
from tests.integration.centre import EVENTS, EVERY, RunningCentre, telemetry
from tests.integration.kafka.broker import Broker

pytestmark = pytest.mark.kafka


async def test_a_centre_on_kafka_loses_and_doubles_nothing_when_it_is_killed(
    tmp_path: Path, kafka_broker: Broker
) -> None:
    """The broker is shared: what other tests left in the topic is of companies that this centre does not know."""
    async with RunningCentre(tmp_path / "centre", {}, "--kafka", kafka_broker.bootstrap) as centre:
        await centre.start()
        await centre.command("admin", "tenant", "add", "한빛정밀")
        replay = asyncio.create_task(centre.command("replay", str(telemetry(tmp_path / "events.ndjson"))))
        await centre.accepted_beyond(0, replay)
        await centre.end(signal.SIGKILL)
        await centre.start()
        await replay
        state = await centre.settled()
        assert state["events_accepted"] == EVENTS
        assert state["findings"] == EVENTS // EVERY
        assert await centre.end(signal.SIGTERM) == 0
    assert await _stored_of_the_company(DataDir(tmp_path / "centre")) == EVENTS


async def _stored_of_the_company(data: DataDir) -> int:
    async with Database.sqlite(data.database) as database, database.read() as connection:
        query = select(counters.c.value).join(tenants, tenants.c.id == counters.c.tenant_id)
        return int((await connection.execute(query.where(counters.c.name == "events_stored"))).scalar_one())
