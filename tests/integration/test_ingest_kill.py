"""kill -9 of a real server under load: every acknowledged event is in the log, under its own number."""

import asyncio
import random
import signal
import time
from pathlib import Path

import httpx
import msgspec
import zstandard

from jikimi.domain.event import decode_envelope
from jikimi.stream.port import EVENTS
from jikimi.stream.sqlite import SqliteEventLog
from tests.api.running_centre import ADMIN, Agent, body, event
from tests.integration.served import Served, free_port

KILLS = 3
AGENTS = 4
BATCHES = 60
EVENTS_A_BATCH = 25


class Sender:
    """An agent that resends until it is answered, and remembers what was acknowledged."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.acked = -1
        self.sent = 0

    async def run(self, server: "Server") -> None:
        while self.sent < BATCHES:
            lines = [event(self.acked + 1 + n, agent=self.agent.agent_id) for n in range(EVENTS_A_BATCH)]
            content = zstandard.compress(body(self.agent, lines, first_seq=self.acked + 1))
            headers = {**self.agent.headers, "Content-Encoding": "zstd"}
            try:
                answer = await server.client.post("/v1/batches", content=content, headers=headers)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            assert answer.status_code == 200, answer.text
            acked = answer.json()["acked_through"]
            assert acked == self.acked + EVENTS_A_BATCH
            self.acked = acked
            self.sent += 1


class Server:
    """Killed and started again on the same folder and port."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._port = free_port()
        self.served = Served(data, self._port)
        self.client = httpx.AsyncClient(base_url=self.served.address, trust_env=False, timeout=30)

    async def kill_again_and_again(self, chance: random.Random) -> None:
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.05, 0.4))
            await asyncio.to_thread(self.served.end, signal.SIGKILL)
            self.served = Served(self._data, self._port)
            await asyncio.to_thread(self.served.wait_until_up)


async def _enrolled(client: httpx.AsyncClient) -> list[Agent]:
    await client.post("/v1/admin/tenants", json={"name": "한빛정밀"}, headers=ADMIN)
    issued = await client.post("/v1/admin/enrolment-tokens", json={"uses": AGENTS}, headers=ADMIN)
    wishes = [{"token": issued.json()["token"], "device": f"PC-{n}"} for n in range(AGENTS)]
    return [msgspec.convert((await client.post("/v1/enrol", json=wish)).json(), Agent) for wish in wishes]


async def test_every_acknowledged_event_survives_kill_9_under_its_own_number(tmp_path: Path) -> None:
    """An event may lie twice in the log, as the same number with the same bytes: consumers cut that."""
    server = Server(tmp_path / "data")
    try:
        await asyncio.to_thread(server.served.wait_until_up)
        senders = [Sender(agent) for agent in await _enrolled(server.client)]
        async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
            for sender in senders:
                tasks.create_task(sender.run(server))
            tasks.create_task(server.kill_again_and_again(random.Random(9)))
        totals = (await server.client.get("/metrics", headers=ADMIN)).text
        assert "jikimi_ingest_events_total" in totals
    finally:
        await server.client.aclose()
        await asyncio.to_thread(server.served.end)

    found: dict[str, dict[int, bytes]] = {}
    log = SqliteEventLog.open(tmp_path / "data" / "log", reserve_bytes=0)
    consumer = await log.consumer("test", [EVENTS])
    through: dict[str, int] = {}
    while records := await consumer.poll(max_records=500, timeout=0.2):
        for record in records:
            envelope = decode_envelope(record.headers["envelope"])
            assert envelope.first_seq <= through.get(envelope.agent_id, -1) + 1, "a gap in the log"
            through[envelope.agent_id] = max(through.get(envelope.agent_id, -1), envelope.last_seq)
            for seq, line in enumerate(record.value.splitlines(), envelope.first_seq):
                assert found.setdefault(envelope.agent_id, {}).setdefault(seq, line) == line
    await log.close()
    for sender in senders:
        expected = {n: event(n, agent=sender.agent.agent_id) for n in range(BATCHES * EVENTS_A_BATCH)}
        assert found[sender.agent.agent_id] == expected


def test_a_served_centre_refuses_an_endless_body_and_goes_on(tmp_path: Path) -> None:
    server = Served(tmp_path / "data", free_port())
    try:
        server.wait_until_up()
        started = time.monotonic()
        chunks = (bytes(64 * 1024) for _ in range(200) if time.monotonic() - started < 20)
        with httpx.Client(base_url=server.address, trust_env=False) as client:
            try:
                answer = client.post("/v1/enrol", content=chunks, headers={"Content-Type": "application/json"})
            except httpx.WriteError:
                pass  # the server answered and closed while we were still sending
            else:
                assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
            assert client.get("/healthz").json() == {"ok": True}
    finally:
        server.end()
