"""Captures asked of an agent: told to it alone, taken in pieces, held against manifest and event, bounded."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import orjson
import pytest
from sqlalchemy import select

from collectors import verify
from jikimi.domain.agent_config import Document, Signed
from jikimi.domain.evidence import REQUESTS, EvidenceRequests
from jikimi.domain.logsource import EVIDENCE
from jikimi.storage.events import EventStore
from jikimi.storage.schema import access_records
from tests.api.running_centre import ADMIN, Agent, RunningCentre, event, running_centre

URL = "/v1/admin/evidence"
PACKETS = {"ring_00001.pcapng": b"first packets" * 50, "ring_00002.pcapng": b"and the rest" * 40}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EventStore]:
    async with await EventStore.open(tmp_path / "events") as opened:
        yield opened


@pytest.fixture
async def whole(tmp_path: Path, store: EventStore) -> AsyncIterator[RunningCentre]:
    """With an event store."""
    async with running_centre(tmp_path, events=store) as running:
        yield running


async def ask(centre: RunningCentre, **wish: Any) -> Any:
    asked = {"device": "회계PC-03", "by": "이부장", **wish}
    answer = await centre.client.post(URL, json=asked, headers=ADMIN)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def told(centre: RunningCentre, agent: Agent) -> tuple[str, ...]:
    """Ids in the answer to the agent's heartbeat, verified as the agent does."""
    answer = await centre.client.post("/v1/heartbeat", json={}, headers=agent.headers)
    if (said := answer.json().get("evidence")) is None:
        return ()
    signed = msgspec.convert(said, Signed)
    assert verify.judge(verify.Question(agent.config_key, signed, REQUESTS)).key
    assert not verify.judge(verify.Question(agent.config_key, signed)).key  # never a configuration
    opened = msgspec.json.decode(signed.document, type=EvidenceRequests)
    assert (opened.tenant_id, opened.agent_id) == (agent.tenant_id, agent.agent_id)
    return tuple(request.id for request in opened.evidence_requests)


def manifest(request: str, files: dict[str, bytes] = PACKETS, **changes: Any) -> bytes:
    at = "2026-11-22T02:13:00Z"
    listed = [
        {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    ]
    plain = {"id": request, "device": "회계PC-03", "asked_at": at, "asked_by": "이부장", "reason": ""}
    plain |= {"wanted_from": at, "wanted_to": at, "interface": "any", "filter": ""}
    return orjson.dumps({**plain, "snap": 0, "received": 9, "dropped": 0, "files": listed, **changes})


async def put(
    centre: RunningCentre, agent: Agent, request: str, name: str, content: bytes, offset: int = 0
) -> httpx.Response:
    url = f"/v1/evidence/{request}/{name}?offset={offset}"
    return await centre.client.put(url, content=content, headers=agent.headers)


async def end(centre: RunningCentre, agent: Agent, request: str, error: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {agent.credential}"}
    return await centre.client.post(f"/v1/evidence/{request}", json={"error": error}, headers=headers)


async def tell(centre: RunningCentre, store: EventStore, agent: Agent, request: str, content: bytes) -> None:
    """The agent's evidence event, on its way through ingest into the event store."""
    digest = hashlib.sha256(content).hexdigest()
    line = event(EvidenceId=request, ManifestSha256=digest)
    logsource = msgspec.to_builtins(EVIDENCE)
    answer = await centre.upload(agent, [line], epoch=f"e-{request[:8]}", logsource=logsource)
    assert answer.status_code == 200, answer.text
    mine = [batch for batch in await centre.logged() if batch.envelope.epoch == f"e-{request[:8]}"]
    await store.insert(mine, token=request)


async def hand_in(centre: RunningCentre, store: EventStore, agent: Agent, request: str) -> httpx.Response:
    await put(centre, agent, request, "manifest.json", manifest(request))
    for name, content in PACKETS.items():
        await put(centre, agent, request, name, content)
    await tell(centre, store, agent, request, manifest(request))
    return await end(centre, agent, request)


def lying(folder: Path) -> dict[str, bytes]:
    """For nobody but their owner."""
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def test_what_was_asked_for_is_told_fetched_checked_and_handed_out(
    whole: RunningCentre, store: EventStore, tmp_path: Path
) -> None:
    agent = await whole.agent()
    asked = await ask(whole, after=120, filter="host 203.0.113.9", reason="scan")
    assert await told(whole, agent) == (asked["id"],)
    assert (await hand_in(whole, store, agent, asked["id"])).json() == {"state": "complete", "why": ""}
    assert await told(whole, agent) == ()
    look = {"by": "김관제"}
    saved = (await whole.client.post(f"{URL}/{asked['id']}/save", json=look, headers=ADMIN)).json()
    folder = Path(saved["folder"])
    assert folder == tmp_path / "evidence" / agent.tenant_id / asked["id"]
    assert lying(folder) == {**PACKETS, "manifest.json": manifest(asked["id"])}
    async with whole.database.read() as connection:
        rows = (await connection.execute(select(access_records.c.account, access_records.c.task))).all()
    assert [row.account for row in rows] == ["이부장", "김관제"]
    assert asked["id"] in rows[1].task


async def test_another_agent_and_another_company_neither_hear_of_it_nor_reach_it(centre: RunningCentre) -> None:
    agent = await centre.agent()
    asked = (await ask(centre))["id"]
    others = [
        await centre.agent(agent.tenant_id, device="영업PC-01"),
        await centre.agent(await centre.tenant("다른회사")),
    ]
    for other in others:
        assert await told(centre, other) == ()
        assert (await put(centre, other, asked, "manifest.json", manifest(asked))).status_code == 404
        assert (await end(centre, other, asked, "no")).status_code == 404
    assert await told(centre, agent) == (asked,)


async def test_an_upload_that_broke_off_goes_on_where_it_was(whole: RunningCentre, store: EventStore) -> None:
    agent = await whole.agent()
    asked = (await ask(whole))["id"]
    (first, content), (second, rest) = PACKETS.items()
    assert (await put(whole, agent, asked, first, content)).status_code == 409  # the manifest comes first
    for _ in range(2):
        assert (await put(whole, agent, asked, "manifest.json", manifest(asked))).status_code == 200
    assert (await put(whole, agent, asked, first, content[:100])).json() == {"held": 100}
    assert (await put(whole, agent, asked, first, content[:100])).json() == {"held": 100}  # twice
    assert (await put(whole, agent, asked, first, content[200:], 200)).json() == {"held": 100}  # a hole
    assert (await end(whole, agent, asked)).status_code == 409
    assert (await put(whole, agent, asked, first, content[100:], 100)).json() == {"held": len(content)}
    await put(whole, agent, asked, second, rest)
    assert (await end(whole, agent, asked)).status_code == 503  # its event is still on the way
    await tell(whole, store, agent, asked, manifest(asked))
    for _ in range(2):
        assert (await end(whole, agent, asked)).json()["state"] == "complete"
    assert (await put(whole, agent, asked, first, b"")).json() == {"held": len(content)}


async def test_files_unlike_the_manifest_and_a_manifest_unlike_its_event_are_no_evidence(
    whole: RunningCentre, store: EventStore, tmp_path: Path
) -> None:
    agent = await whole.agent()
    forged = (await ask(whole))["id"]
    await put(whole, agent, forged, "manifest.json", manifest(forged))
    for name, content in PACKETS.items():
        await put(whole, agent, forged, name, content.swapcase())
    await tell(whole, store, agent, forged, manifest(forged))
    assert "SHA-256" in (await end(whole, agent, forged)).json()["why"]
    other = (await ask(whole))["id"]
    await put(whole, agent, other, "manifest.json", manifest(other, {}))
    await tell(whole, store, agent, other, manifest(other))
    assert "event" in (await end(whole, agent, other)).json()["why"]
    assert not list((tmp_path / "evidence").rglob("*.*"))
    assert (await put(whole, agent, other, "manifest.json", manifest(other))).status_code == 409


@pytest.mark.parametrize("name", ["../x", "..", ".hidden", "/etc/passwd", "a/b", "manifest.json", "", "a" * 129])
async def test_a_manifest_names_no_file_elsewhere(centre: RunningCentre, tmp_path: Path, name: str) -> None:
    agent = await centre.agent()
    asked = (await ask(centre))["id"]
    answer = await put(centre, agent, asked, "manifest.json", manifest(asked, {name: b"x"}))
    assert answer.status_code in (400, 422)
    assert not (tmp_path / "evidence").exists()


@pytest.mark.parametrize("name", ["..%2f..%2fcentre.db", "%2e%2e", "other.pcapng", ".manifest.json"])
async def test_a_file_that_the_manifest_does_not_name_is_not_taken(centre: RunningCentre, name: str) -> None:
    agent = await centre.agent()
    asked = (await ask(centre))["id"]
    await put(centre, agent, asked, "manifest.json", manifest(asked))
    assert (await put(centre, agent, asked, name, b"x")).status_code in (404, 405, 422)


async def test_more_than_was_announced_or_than_the_centre_takes_is_refused(tmp_path: Path) -> None:
    async with running_centre(tmp_path, evidence_request_bytes=5000) as centre:
        agent = await centre.agent()
        asked = (await ask(centre))["id"]
        await put(centre, agent, asked, "manifest.json", manifest(asked, {"a.pcapng": b"12"}))
        assert (await put(centre, agent, asked, "a.pcapng", b"123")).status_code == 413
        large = (await ask(centre))["id"]
        answer = await put(centre, agent, large, "manifest.json", manifest(large, {"a.pcapng": b"x" * 5000}))
        assert answer.status_code == 413
        listed = (await centre.client.get(URL, params={"by": "이부장"}, headers=ADMIN)).json()
        assert {row["id"]: row["state"] for row in listed} == {asked: "uploading", large: "failed"}


async def test_the_oldest_complete_capture_makes_room_and_is_counted(tmp_path: Path, store: EventStore) -> None:
    async with running_centre(tmp_path, events=store, evidence_bytes=4500) as centre:
        agent = await centre.agent()
        ids = []
        for _ in range(3):
            ids.append((await ask(centre))["id"])
            assert (await hand_in(centre, store, agent, ids[-1])).json()["state"] == "complete"
            centre.later(seconds=1)
        listed = (await centre.client.get(URL, params={"by": "이부장"}, headers=ADMIN)).json()
        assert [(row["id"], row["state"]) for row in listed] == [
            (ids[2], "complete"),
            (ids[1], "complete"),
            (ids[0], "removed"),
        ]
        assert {path.name for path in (tmp_path / "evidence" / agent.tenant_id).iterdir()} == set(ids[1:])
        assert (await centre.totals())["evidence_removed"] == 1


async def test_a_refusing_agent_and_a_silent_one_fail_with_the_reason(centre: RunningCentre) -> None:
    agent = await centre.agent()
    refused = (await ask(centre))["id"]
    assert (await end(centre, agent, refused, "dumpcap is not installed")).json()["state"] == "failed"
    silent = (await ask(centre))["id"]
    centre.later(hours=25)
    assert await told(centre, agent) == ()
    listed = (await centre.client.get(URL, params={"by": "이부장"}, headers=ADMIN)).json()
    assert {row["id"]: row["why"] for row in listed} == {
        refused: "dumpcap is not installed",
        silent: "the agent did not answer within a day",
    }


@pytest.mark.parametrize(
    "wish",
    [
        {"device": "없는PC"},
        {"device": None},
        {"filter": "udp) or (tcp"},
        {"filter": "udp; rm -rf /"},
        {"filter": "udp\n-w /tmp/x"},
        {"after": 3601},
        {"incident": "1024"},
        {"agent": "a", "device": "b"},
    ],
)
async def test_what_cannot_be_asked_is_refused(centre: RunningCentre, wish: dict[str, Any]) -> None:
    await centre.agent()
    asked = {"device": "회계PC-03", "by": "이부장", **wish}
    answer = await centre.client.post(URL, json=asked, headers=ADMIN)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_an_agent_is_asked_for_no_more_than_four_at_once(centre: RunningCentre) -> None:
    await centre.agent()
    for _ in range(4):
        await ask(centre)
    asked = {"device": "회계PC-03", "by": "이부장"}
    assert (await centre.client.post(URL, json=asked, headers=ADMIN)).status_code == 422


async def test_a_signed_request_is_never_taken_for_a_configuration(centre: RunningCentre) -> None:
    agent = await centre.agent()
    await ask(centre)
    answer = await centre.client.post("/v1/heartbeat", json={}, headers=agent.headers)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(answer.json()["evidence"]["document"], type=Document)
