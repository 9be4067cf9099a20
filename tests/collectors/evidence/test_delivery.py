"""The agent's side of a capture that the centre asks for, against a real centre over a socket."""

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import uvicorn

from collectors.evidence import requests
from collectors.evidence.delivery import EVENTS_FIRST, Delivery, evidence_forbidden
from collectors.evidence.requests import Answer
from collectors.http import Client
from collectors.identity import Identity
from jikimi.domain.agent_config import Signed
from jikimi.domain.evidence import File, Manifest
from jikimi.errors import Refused, Transient
from tests.api.no_events import NoEvents
from tests.api.running_centre import ADMIN, NOW, Agent, RunningCentre, running_centre

PACKETS = b"packets" * 100_000


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[RunningCentre]:
    async with running_centre(tmp_path, events=NoEvents()) as running:
        yield running


@pytest.fixture
async def url(centre: RunningCentre) -> AsyncIterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(centre.app, log_config=None, lifespan="off", http="h11", ws="none"))
    serving = asyncio.create_task(server.serve([listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    await serving
    listener.close()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with Client(20.0) as client:
        yield client


def delivery(folder: Path, url: str, agent: Agent, client: Client, waiting: int = 0, forbidden: str = "") -> Delivery:
    who = Identity(url, agent.agent_id, agent.tenant_id, agent.device_id, "회계PC-03", agent.credential)
    return Delivery(folder, who, client, lambda: waiting, forbidden, clock=lambda: NOW, pause=0)


async def asked(centre: RunningCentre, agent: Agent) -> tuple[str, Signed]:
    wish = {"agent": agent.agent_id, "by": "이부장", "filter": "udp"}
    answer = await centre.client.post("/v1/admin/evidence", json=wish, headers=ADMIN)
    told = (await centre.client.post("/v1/heartbeat", json={}, headers=agent.headers)).json()
    return answer.json()["id"], msgspec.convert(told["evidence"], Signed)


async def state(centre: RunningCentre) -> tuple[str, str]:
    listed = (await centre.client.get("/v1/admin/evidence", params={"by": "이부장"}, headers=ADMIN)).json()
    return listed[0]["state"], listed[0]["why"]


def freeze(folder: Path, request: str) -> None:
    """As the capture source leaves it."""
    place = folder / "evidence" / request
    place.mkdir(parents=True)
    (place / "ring.pcapng").write_bytes(PACKETS)
    file = File("ring.pcapng", len(PACKETS), hashlib.sha256(PACKETS).hexdigest())
    manifest = Manifest(request, "회계PC-03", NOW, "이부장", "", NOW, NOW, "any", "udp", 0, 1, 0, (file,))
    (place / "manifest.json").write_bytes(msgspec.json.encode(manifest))


async def test_a_request_is_noted_and_handed_over_behind_the_events_and_over_restarts(
    centre: RunningCentre, url: str, client: Client, tmp_path: Path
) -> None:
    agent = await centre.agent()
    request, signed = await asked(centre, agent)
    folder = tmp_path / "capture"
    busy = delivery(folder, url, agent, client, waiting=EVENTS_FIRST + 1)
    for _ in range(2):  # every heartbeat tells it until it is answered
        await busy.take(signed, agent.config_key)
    assert [(waiting.id, waiting.filter) for waiting in requests.waiting(folder)] == [(request, "udp")]
    freeze(folder, request)
    with pytest.raises(Transient, match="events go first"):
        await busy._hand_over(request)
    restarted = delivery(folder, url, agent, client)
    restarted.resume()
    with pytest.raises(Transient, match="has not come yet"):  # the event, which no store holds here
        await restarted._hand_over(request)
    assert (tmp_path / "evidence" / agent.tenant_id / request / "ring.pcapng").read_bytes() == PACKETS
    assert (folder / "for-centre" / request).exists()
    assert (await state(centre))[0] == "uploading"


async def test_an_agent_that_may_not_says_why(centre: RunningCentre, url: str, client: Client, tmp_path: Path) -> None:
    agent = await centre.agent()
    request, signed = await asked(centre, agent)
    forbidden = evidence_forbidden(obeys=False, sources=["capture"])
    ours = delivery(tmp_path / "capture", url, agent, client, forbidden=forbidden)
    await ours.take(signed, agent.config_key)
    assert not list(requests.waiting(tmp_path / "capture"))
    await ours._hand_over(request)
    assert await state(centre) == ("failed", forbidden)
    assert not list((tmp_path / "capture" / "for-centre").iterdir())


async def test_a_capture_in_which_the_agent_was_killed_is_answered_at_its_next_start(
    centre: RunningCentre, url: str, client: Client, tmp_path: Path
) -> None:
    agent = await centre.agent()
    request, signed = await asked(centre, agent)
    folder = tmp_path / "capture"
    await delivery(folder, url, agent, client).take(signed, agent.config_key)
    assert list(requests.waiting(folder))  # it was taken up
    delivery(folder, url, agent, client).resume()
    assert requests.answered(folder, request) == Answer(error="the agent was killed while it captured")


async def test_what_the_centre_did_not_sign_for_this_agent_is_not_captured(
    centre: RunningCentre, url: str, client: Client, tmp_path: Path
) -> None:
    agent = await centre.agent()
    other = await centre.agent(agent.tenant_id, device="영업PC-01")
    _, signed = await asked(centre, agent)
    forged = msgspec.structs.replace(signed, document=signed.document.replace('"udp"', '"tcp"'))
    folder = tmp_path / "capture"
    with pytest.raises(Refused):
        await delivery(folder, url, agent, client).take(forged, agent.config_key)
    with pytest.raises(Refused, match="another agent"):
        await delivery(folder, url, other, client).take(signed, agent.config_key)
    with pytest.raises(Refused, match="enrol it again"):
        await delivery(folder, url, agent, client).take(signed, "")
    assert not folder.exists()
