"""`jikimi up --kafka`: the same centre on a real Apache Kafka."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.integration.centre import EVENTS, EVERY, RunningCentre, telemetry
from tests.integration.kafka.broker import Broker

pytestmark = pytest.mark.kafka


async def test_a_centre_on_kafka_loses_and_doubles_nothing_when_it_is_killed(
    tmp_path: Path, kafka_broker: Broker
) -> None:
    centre = RunningCentre(tmp_path / "centre", {}, "--kafka", kafka_broker.bootstrap)
    await centre.start()
    await centre.command("admin", "tenant", "add", "한빛정밀")
    replay = asyncio.create_task(centre.command("replay", str(telemetry(tmp_path / "events.ndjson"))))
    await centre.accepted_beyond(0, replay)
    await centre.end(signal.SIGKILL)
    await centre.start()
    await replay
    state = await centre.settled()
    assert state["events_accepted"] == state["events_stored"] == EVENTS
    assert state["findings"] == EVENTS // EVERY
    assert await centre.end(signal.SIGTERM) == 0
