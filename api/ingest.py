"""`POST /v1/batches`: an agent's events, answered only once they are durable. The contract is docs/api.md."""

import asyncio
import re
import time

import msgspec
import structlog
from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from api.batch import Upload, decompressed, parse
from api.body import read_body
from api.credentials import AgentIdentity
from api.errors import ApiError, code_of, retry_later
from api.intake import Lost, Receipt
from api.ledger import Entry
from api.settings import ApiSettings
from api.state import Centre, centre
from jikimi.domain.event import Envelope
from jikimi.errors import Transient

OFF_LOOP_BYTES = 8 * 1024
"""A larger body is decompressed and checked in a thread, so that other agents' answers do not wait for it."""

REFUSAL_COST_BYTES = 1024
"""What a refused upload takes from its company's quota: the refusal is counted in the database."""

_MEDIA_TYPES = frozenset({"application/x-ndjson", "application/ndjson"})
_LOST = re.compile(r"(\d{1,16})-(\d{1,16})", re.ASCII)

_log = structlog.get_logger()

router = APIRouter()


@router.post("/v1/batches")
async def upload_batch(request: Request) -> Response:
    """Take one batch."""
    here = centre(request)
    started = time.perf_counter()
    try:
        agent = await here.credentials.agent(request)
        receipt = await _take(request, here, agent)
    except (ApiError, HTTPException) as refusal:
        here.metrics.batches.labels(code_of(refusal)).inc()
        raise
    except Transient:
        here.metrics.batches.labels("unavailable").inc()
        raise
    here.metrics.seconds.observe(time.perf_counter() - started)
    _count(here, receipt)
    return Response(msgspec.json.encode(receipt), media_type="application/json")


async def _take(request: Request, here: Centre, agent: AgentIdentity) -> Receipt:
    """One upload of a known agent; a refusal is counted for its tenant."""
    wait = here.quota.wait(agent.tenant_id, 1)
    if wait > 0:
        raise retry_later(429, "this company's upload quota is used up; wait as Retry-After says", wait)
    try:
        encoding = _encoding(request)
        lost = _lost(request)
        received_at = here.services.clock()
        body = await read_body(request, here.settings.max_upload_bytes)
        upload = await _checked(body, encoding, here)
        _belongs(upload.envelope, agent)
        here.quota.spend(agent.tenant_id, upload.size)
        receipt = await here.intake.accept(agent, upload, received_at=received_at, lost=lost)
    except (ApiError, HTTPException) as refusal:
        here.quota.spend(agent.tenant_id, REFUSAL_COST_BYTES)
        _log.warning("batch_refused", code=code_of(refusal), tenant=agent.tenant_id, agent=agent.agent_id)
        await here.ledger.write(Entry(agent, here.services.clock(), counts={"batches_refused": 1}))
        raise
    here.metrics.bytes.inc(upload.size)
    if receipt.events_lost:
        _log.warning("events_declared_lost", tenant=agent.tenant_id, agent=agent.agent_id, events=receipt.events_lost)
    return receipt


async def _checked(body: bytes, encoding: str, here: Centre) -> Upload:
    if len(body) < OFF_LOOP_BYTES and encoding != "zstd":
        return _opened(body, encoding, here.settings)
    return await asyncio.to_thread(_opened, body, encoding, here.settings)


def _opened(body: bytes, encoding: str, settings: ApiSettings) -> Upload:
    plain = decompressed(body, settings.max_upload_bytes) if encoding == "zstd" else body
    return parse(plain, max_events=settings.max_batch_events)


def _encoding(request: Request) -> str:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in _MEDIA_TYPES:
        raise ApiError(415, "unsupported_media", "send Content-Type: application/x-ndjson")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"zstd", "identity"}:
        raise ApiError(415, "unsupported_media", "send Content-Encoding: zstd, or none for a plain body")
    return encoding


def _lost(request: Request) -> Lost | None:
    stated = request.headers.get("jikimi-lost")
    if stated is None:
        return None
    found = _LOST.fullmatch(stated.strip())
    if found is None:
        raise ApiError(400, "malformed", "the header Jikimi-Lost is not FIRST-LAST, e.g. 101-150")
    return Lost(int(found[1]), int(found[2]))


def _belongs(envelope: Envelope, agent: AgentIdentity) -> None:
    """Empty means "fill it in"; anything else must be the credential's own."""
    claims = (
        ("agent", envelope.agent_id, agent.agent_id, False),
        ("tenant", envelope.tenant_id, agent.tenant_id, True),
        ("device", envelope.device_id, agent.device_id, True),
    )
    for what, claimed, own, may_be_empty in claims:
        if claimed != own and not (may_be_empty and not claimed):
            raise ApiError(403, "foreign_tenant", f"the envelope names another {what} than the credential's")


def _count(here: Centre, receipt: Receipt) -> None:
    here.metrics.batches.labels("ok").inc()
    for outcome in ("accepted", "duplicates", "dead_lettered", "events_lost"):
        here.metrics.events.labels(outcome).inc(getattr(receipt, outcome))
