"""A centre's HTTP layer in this process: real SQLite database, real event log, ASGI instead of sockets."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import httpx
import msgspec
import orjson
import zstandard
from fastapi import FastAPI
from sqlalchemy import select

from api.app import create_app
from api.config_keys import ConfigKeys
from api.services import Services
from api.settings import ApiSettings
from jikimi.domain.event import Envelope, EventBatch, decode_envelope
from jikimi.domain.logsource import FILE_ACCESS
from jikimi.storage import counters, tenants
from jikimi.storage.database import Database
from jikimi.storage.events import EventStore
from jikimi.storage.migrate import upgrade
from jikimi.storage.schema import dead_letters
from jikimi.stream.port import EVENTS, EventLog, Record
from jikimi.stream.sqlite import SqliteEventLog

NOW = datetime(2026, 11, 22, 2, 13, tzinfo=UTC)
ADMIN = {"Authorization": "Bearer admin-token-of-this-machine"}


class Agent(msgspec.Struct, frozen=True):
    """What /v1/enrol answered."""

    agent_id: str
    tenant_id: str
    device_id: str
    credential: str
    config_key: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.credential}", "Content-Type": "application/x-ndjson"}


def event(number: int = 0, **fields: Any) -> bytes:
    """A canonical event."""
    return orjson.dumps({"@timestamp": "2026-11-22T02:12:59.000000Z", "Hostname": "회계PC-03", "n": number, **fields})


def body(agent: Agent, lines: Sequence[bytes], *, first_seq: int = 0, epoch: str = "e1", **changes: Any) -> bytes:
    """An upload's plain body; `changes` overrule the envelope's fields."""
    envelope = Envelope(agent.agent_id, epoch, first_seq, len(lines), FILE_ACCESS, NOW)
    said = {**msgspec.to_builtins(envelope), **changes}
    return b"".join(line + b"\n" for line in (json.dumps(said).encode(), *lines))


@dataclass
class RunningCentre:
    """The application, a client of it, and a look behind it."""

    app: FastAPI
    client: httpx.AsyncClient
    database: Database
    log: EventLog
    clock: list[datetime] = field(default_factory=lambda: [NOW])

    def later(self, **delta: float) -> None:
        self.clock[0] += timedelta(**delta)

    async def tenant(self, name: str = "한빛정밀") -> str:
        async with self.database.write() as connection:
            return (await tenants.create_tenant(connection, name, at=NOW)).id

    async def token(self, tenant_id: str, **wish: Any) -> str:
        asked = {"tenant": tenant_id, "uses": 10, "minutes": 60, **wish}
        answer = await self.client.post("/v1/admin/enrolment-tokens", json=asked, headers=ADMIN)
        assert answer.status_code == 201, answer.text
        token: str = answer.json()["token"]
        return token

    async def agent(self, tenant: str | None = None, *, device: str = "회계PC-03", kind: str = "agent") -> Agent:
        """Enrol an agent of `tenant` (made when not given)."""
        token = await self.token(tenant or await self.tenant())
        wish = {"token": token, "device": device, "os": "linux", "version": "0.1.0", "kind": kind}
        answer = await self.client.post("/v1/enrol", json=wish)
        assert answer.status_code == 200, answer.text
        return msgspec.convert(answer.json(), Agent)

    async def upload(
        self, agent: Agent, lines: Sequence[bytes], *, headers: Mapping[str, str] | None = None, **envelope: Any
    ) -> httpx.Response:
        sent = {**agent.headers, "Content-Encoding": "zstd", **(headers or {})}
        compressed = zstandard.compress(body(agent, lines, **envelope))
        return await self.client.post("/v1/batches", content=compressed, headers=sent)

    async def logged(self) -> list[EventBatch]:
        """Everything in the event log, in order."""
        consumer = await self.log.consumer("test", [EVENTS])
        records: list[Record] = []
        while more := await consumer.poll(max_records=1000, timeout=0.05):
            records += more
        await consumer.close()
        return [EventBatch(decode_envelope(record.headers["envelope"]), record.value) for record in records]

    async def logged_events(self) -> dict[int, bytes]:
        """Sequence number → line, of all batches; a number stored twice fails."""
        found: dict[int, bytes] = {}
        for batch in await self.logged():
            lines = list(batch.lines())
            assert len(lines) == batch.envelope.count
            for seq, line in enumerate(lines, batch.envelope.first_seq):
                assert seq not in found
                found[seq] = line
        return found

    async def totals(self) -> dict[str, int]:
        async with self.database.read() as connection:
            return await counters.totals(connection)

    async def letters(self) -> list[Any]:
        async with self.database.read() as connection:
            return list(await connection.execute(select(dead_letters).order_by(dead_letters.c.source)))


@cache
def _migrated() -> bytes:
    """A database at this version: migrated once, copied for every test."""
    with TemporaryDirectory() as folder:
        upgrade(Path(folder) / "centre.db")
        return (Path(folder) / "centre.db").read_bytes()


@asynccontextmanager
async def running_centre(
    folder: Path, *, events: EventStore | None = None, **settings: Any
) -> AsyncIterator[RunningCentre]:
    """`folder` may hold an earlier one's data."""
    if not (folder / "centre.db").exists():
        (folder / "centre.db").write_bytes(_migrated())
    log = SqliteEventLog.open(folder / "log", reserve_bytes=0, ballast_bytes=0)
    clock = [NOW]

    async def status() -> dict[str, Any]:
        return {"silent_agents": 0}

    try:
        async with Database.sqlite(folder / "centre.db") as database:
            services = Services(
                database,
                log,
                cast("EventStore", events),
                lambda: clock[0],
                "admin-token-of-this-machine",
                status,
                config_keys=ConfigKeys.open(folder / "agent-config-keys"),
                evidence=folder / "evidence",
            )
            app = create_app(services, ApiSettings(**settings))
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                yield RunningCentre(app, client, database, log, clock)
    finally:
        await log.close()
