"""`POST /v1/heartbeat`: an agent says how it is; the answer tells it the time and what it may send."""

from typing import Any

import msgspec
import orjson
from fastapi import APIRouter, Request

from api.body import read_body
from api.canonical import MAX_DEPTH, deeper_than
from api.errors import ApiError
from api.ledger import Entry
from api.state import centre
from jikimi.domain.event import format_time
from jikimi.domain.evidence import VALID_FOR, EvidenceRequests
from jikimi.storage.evidence_requests import waiting
from jikimi.storage.passports import config_version

MAX_HEALTH_BYTES = 64 * 1024

router = APIRouter()


@router.post("/v1/heartbeat")
async def heartbeat(request: Request) -> dict[str, Any]:
    """Keep the health as told, and when it was told."""
    here = centre(request)
    agent = await here.credentials.agent(request)
    health = _health(await read_body(request, MAX_HEALTH_BYTES))
    version = health.get("version")
    now = here.services.clock()
    told = version[:32] if isinstance(version, str) else None
    await here.ledger.write(Entry(agent, now, health=health, version=told))
    here.metrics.heartbeats.inc()
    async with here.services.database.read() as connection:
        config = await config_version(connection, agent.tenant_id)
        asked = await waiting(connection, agent.agent_id, now)
    answer: dict[str, Any] = {
        "time": format_time(now),
        "config_version": config,
        "credit": await here.credit.grant(None),
    }
    if asked and (keys := here.services.config_keys) is not None:
        signed = keys.sign(EvidenceRequests(agent.tenant_id, agent.agent_id, now + VALID_FOR, asked))
        answer["evidence"] = msgspec.to_builtins(signed)
    return answer


def _health(body: bytes) -> dict[str, Any]:
    try:
        health = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise ApiError(400, "malformed", f"the heartbeat is not JSON: {error}") from error
    if not isinstance(health, dict) or deeper_than(health, MAX_DEPTH):
        raise ApiError(400, "malformed", f"the heartbeat is not a JSON object of at most {MAX_DEPTH} levels")
    return health
