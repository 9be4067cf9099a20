"""One incident's page as JSON."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from api.incidents.detail import EDGE
from jikimi.domain.risk import RiskLevel
from jikimi.domain.scope import TenantScope
from jikimi.errors import Transient
from jikimi.storage.events import StoredEvent
from tests.api.console_client import Analyst
from tests.api.no_events import NoEvents
from tests.api.seed import Seed


async def loud(analyst: Analyst, many: int, *, computer: str = "web-01") -> Any:
    """An incident of `computer`, sent by a collector, with one quiet finding and `many` of one loud rule."""

    async def write(seed: Seed) -> None:
        company = await seed.company("대성테크")
        sender = await seed.device(company, "collector")
        incident = await seed.incident(company, "스캔", "Scan", RiskLevel.high, device=(sender, computer))
        await seed.findings(incident, many)
        other = await seed.incident(company, "다른 컴퓨터", "Another", RiskLevel.low, device=(sender, "pc-9"))
        assert other

    await analyst.seed(write)
    assert (await analyst.sign_in()).status_code == 303
    return (await analyst.http.get("/api/incidents/1001")).json()


async def test_a_loud_rule_does_not_hide_a_quiet_one(analyst_client: Analyst) -> None:
    detail = await loud(analyst_client, 100)
    shown = [finding["rule_id"] for finding in detail["findings"]]
    assert shown.count("jikimi-leak") == 1
    assert shown.count("loud") == 2 * EDGE
    ids = {finding["id"] for finding in detail["findings"]}
    assert {"loud-0", "loud-99"} <= ids


async def test_the_computer_it_happened_on_stands_before_the_one_that_sent_it(analyst_client: Analyst) -> None:
    detail = await loud(analyst_client, 0)
    assert [(device["name"], device["sender"]) for device in detail["devices"]] == [
        ("web-01", False),
        ("collector", True),
    ]


async def test_an_incident_of_another_computer_of_the_same_collector_is_not_of_this_device(
    analyst_client: Analyst,
) -> None:
    assert (await loud(analyst_client, 0))["past"] == []


async def test_every_finding_shows_its_event_before_the_archive_has_it(analyst_client: Analyst) -> None:
    await loud(analyst_client, 5)
    found = (await analyst_client.http.get("/api/incidents/1001/events")).json()
    assert {event["id"] for event in found["events"]} == {"a.e.1001", *(f"a.loud.{n}" for n in range(5))}
    assert {event["device"] for event in found["events"]} == {"web-01"}
    assert found["complete"] is True


async def test_an_archive_that_does_not_answer_is_said_and_costs_no_finding_its_event(analyst_client: Analyst) -> None:
    class Busy(NoEvents):
        async def get(self, scope: TenantScope, event_ids: Sequence[str]) -> list[StoredEvent]:
            raise Transient("the event store took too long")

    await loud(analyst_client, 2)
    services = analyst_client.app.state.services
    analyst_client.app.state.services = replace(services, events=Busy())
    found = (await analyst_client.http.get("/api/incidents/1001/events")).json()
    assert found["complete"] is False
    assert len(found["events"]) == 3
