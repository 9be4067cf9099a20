"""What an analyst does to an incident, and what happens when two do it at once."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from api.access_records import broken_at
from jikimi.domain.risk import RiskLevel
from jikimi.storage.schema import access_records, changes, incident_history, incident_keys, incidents, outbox
from tests.api.console_client import Analyst
from tests.api.seed import PASSWORD, Seed


@pytest.fixture
async def opened(analyst_client: Analyst) -> Analyst:
    """Signed in, one incident i1001 of one company."""

    async def write(seed: Seed) -> None:
        await seed.user("second", "이분석")
        company = await seed.company("한빛정밀")
        device = await seed.device(company, "회계PC-03")
        await seed.incident(company, "문서가 복사됨", "Copied", RiskLevel.high, device=(device, "회계PC-03"))
        await seed.connection.execute(
            incident_keys.insert().values(tenant_id=company, key="device:d", incident_id="i1001", last_time=seed.now)
        )

    await analyst_client.seed(write)
    await analyst_client.sign_in()
    return analyst_client


async def act(opened: Analyst, action: str, version: int = 1, **body: Any) -> httpx.Response:
    return await opened.http.post(f"/api/incidents/i1001/{action}", json={"version": version, **body})


async def incident(opened: Analyst) -> Any:
    return (await opened.rows(select(incidents)))[0]


async def test_acknowledging_is_kept_with_history_and_a_change_to_follow(opened: Analyst) -> None:
    assert (await act(opened, "acknowledge")).status_code == 200
    row = await incident(opened)
    assert (row.status, row.version, row.acknowledged_at) == ("acknowledged", 2, opened.clock[0])
    last = (await opened.rows(select(incident_history).order_by(incident_history.c.id)))[-1]
    assert (last.actor, last.kind) == ("analyst", "acknowledged")
    assert len(await opened.rows(select(changes))) == 2


async def test_claiming_makes_me_the_owner_and_acknowledges(opened: Analyst) -> None:
    assert (await act(opened, "assign", owner_id="u-analyst")).status_code == 200
    row = await incident(opened)
    assert (row.owner_id, row.status) == ("u-analyst", "acknowledged")


async def test_giving_it_to_a_colleague_does_not_acknowledge_for_them(opened: Analyst) -> None:
    await act(opened, "assign", owner_id="u-second")
    row = await incident(opened)
    assert (row.owner_id, row.status) == ("u-second", "new")


async def test_who_was_overtaken_is_told_by_whom(opened: Analyst) -> None:
    async with opened.browser() as other:
        await other.post("/sign-in", data={"login": "second", "password": PASSWORD})
        await other.post("/api/incidents/i1001/acknowledge", json={"version": 1})
    answer = await act(opened, "assign", owner_id="u-analyst")
    assert answer.status_code == 409
    assert (answer.json()["by"], answer.json()["kind"], answer.json()["version"]) == ("이분석", "acknowledged", 2)
    assert (await incident(opened)).owner_id is None


async def test_findings_that_detectors_add_overtake_nobody(opened: Analyst) -> None:
    async with opened.database.write() as connection:
        await connection.execute(update(incidents).values(version=40, finding_count=40))
    assert (await act(opened, "acknowledge", version=1)).status_code == 200
    assert (await incident(opened)).version == 41


async def test_a_risk_that_rose_meanwhile_stops_a_closing(opened: Analyst) -> None:
    async def rise(seed: Seed) -> None:
        await seed.connection.execute(update(incidents).values(version=2, risk=4))
        tenant = (await seed.connection.execute(select(incidents.c.tenant_id))).scalar_one()
        await seed.history(tenant, "i1001", "jikimi", "raised", {"from": "high", "to": "very_high"}, seed.now)

    await opened.seed(rise)
    answer = await act(opened, "close", risk=3, verdict="benign", tell=False)
    assert (answer.status_code, answer.json()["kind"]) == (409, "raised")


@pytest.mark.parametrize("tell", [True, False])
async def test_closing_tells_the_client_only_when_asked_to(opened: Analyst, tell: bool) -> None:
    assert (await act(opened, "close", verdict="true_positive", text="격리함", tell=tell)).status_code == 200
    row = await incident(opened)
    assert (row.status, row.verdict, row.closed_at) == ("closed", "true_positive", opened.clock[0])
    assert [message.kind for message in await opened.rows(select(outbox))] == ["closed"] * tell


async def test_what_comes_after_the_closing_is_a_new_incident(opened: Analyst) -> None:
    await act(opened, "close", verdict="benign", tell=False)
    assert await opened.rows(select(incident_keys)) == []


async def test_a_reopened_incident_is_open_without_a_verdict(opened: Analyst) -> None:
    await act(opened, "close", verdict="benign", tell=False)
    assert (await act(opened, "reopen", version=2)).status_code == 200
    row = await incident(opened)
    assert (row.status, row.verdict, row.closed_at) == ("acknowledged", "", None)


async def test_a_note_needs_no_version(opened: Analyst) -> None:
    answer = await opened.http.post("/api/incidents/i1001/note", json={"text": "전화함"})
    assert answer.status_code == 200
    detail = (await opened.http.get("/api/incidents/1001")).json()
    assert detail["history"][-1]["detail"]["text"] == "전화함"
    assert detail["history"][-1]["actor"] == "김관제"


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("close", {"verdict": "guilty", "tell": True}),
        ("close", {"verdict": "benign"}),
        ("assign", {"owner_id": "u-nobody"}),
        ("reopen", {}),
        ("acknowledge", {"extra": 1}),
    ],
)
async def test_what_cannot_be_is_refused_in_one_sentence(opened: Analyst, action: str, body: dict[str, Any]) -> None:
    answer = await act(opened, action, **body)
    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "code"}
    assert (await incident(opened)).version == 1


async def test_an_unknown_incident_is_not_found(opened: Analyst) -> None:
    answer = await opened.http.post("/api/incidents/i9/acknowledge", json={"version": 1})
    assert answer.status_code == 404
    assert (await opened.http.get("/api/incidents/9")).status_code == 404


async def test_every_look_and_act_is_recorded_in_an_unbroken_chain(opened: Analyst) -> None:
    await opened.http.get("/api/incidents/1001")
    await opened.http.get("/api/messages")
    await act(opened, "acknowledge")
    kept = await opened.rows(select(access_records).order_by(access_records.c.id))
    assert [row.task for row in kept] == ["incident 1001", "messages", "acknowledge incident 1001"]
    assert {row.account for row in kept} == {"analyst"}
    async with opened.database.read() as connection:
        assert await broken_at(connection) is None


async def test_a_record_that_was_tampered_with_is_named(opened: Analyst) -> None:
    for _ in range(3):
        await opened.http.get("/api/messages")
    async with opened.database.write() as connection:
        await connection.execute(update(access_records).where(access_records.c.id == 2).values(account="someone"))
        assert await broken_at(connection) == 2


async def test_an_event_the_archive_lacks_is_shown_from_its_finding(opened: Analyst) -> None:
    found = (await opened.http.get("/api/incidents/1001/events")).json()
    assert found["total"] == 214
    [event] = found["events"]
    assert event["id"] == "a.e.1001"
    assert "drawing-214.dwg" in event["raw"]


async def test_messages_show_state_and_attempts_but_never_a_whole_address(opened: Analyst) -> None:
    async def write(seed: Seed) -> None:
        tenant = (await seed.connection.execute(select(incidents.c.tenant_id))).scalar_one()
        await seed.message(tenant, "i1001", "sms", "failed", "[지킴이 높음] 문서가 복사됨")
        await seed.message(tenant, "i1001", "mail", "delivered", "문서가 복사됨")

    await opened.seed(write)
    answer = (await opened.http.get("/api/messages")).json()
    assert answer["counts"] == {"failed": 1, "delivered": 1}
    assert {message["address"] for message in answer["messages"]} == {"010-****-5678", "mi***@example.com"}
    [failed] = (await opened.http.get("/api/messages?state=failed")).json()["messages"]
    assert failed["tried"][0]["outcome"] == "refused"
    assert "1234" not in (await opened.http.get("/api/incidents/1001")).text
