"""`/v1/evidence/REQUEST`: an agent hands in the capture it was asked for, in pieces, and says when that is all."""

import asyncio
import hashlib
from typing import Annotated, Any

import msgspec
import orjson
import structlog
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.body import read_body
from api.credentials import AgentIdentity
from api.errors import ApiError, retry_later
from api.evidence.folder import Folder
from api.state import Centre, centre
from jikimi.domain.evidence import MANIFEST, Manifest
from jikimi.domain.logsource import EVIDENCE
from jikimi.domain.scope import TenantScope
from jikimi.storage import evidence_requests
from jikimi.storage.events import EventQuery

MAX_MANIFEST_BYTES = 256 * 1024
EVENT_LATER = 20.0

_log = structlog.get_logger()

router = APIRouter(prefix="/v1/evidence")


class End(BaseModel):
    """`error`: why there is no capture; "" when all of it was handed in."""

    model_config = ConfigDict(extra="forbid")
    error: Annotated[str, Field(max_length=2000)] = ""


@router.put("/{request_id}/{name}")
async def take_piece(
    request: Request, request_id: str, name: str, offset: Annotated[int, Query(ge=0)] = 0
) -> dict[str, Any]:
    """`{"held": bytes}`: where the next piece begins, also when this one was not wanted. The manifest comes first."""
    here = centre(request)
    agent = await here.credentials.agent(request)
    wait = here.quota.wait(agent.tenant_id, 1)
    if wait > 0:
        raise retry_later(429, "this company's upload quota is used up; wait as Retry-After says", wait)
    row = await _row(here, agent, request_id)
    piece = await read_body(request, MAX_MANIFEST_BYTES if name == MANIFEST else here.settings.max_upload_bytes)
    here.quota.spend(agent.tenant_id, len(piece))
    folder = _folder(here, row)
    if name == MANIFEST:
        return await _take_manifest(here, row, folder, piece)
    if row["state"] == "complete":
        return {"held": _named(folder.manifest(), name).bytes}
    _still_open(row)
    file = _named(await asyncio.to_thread(folder.manifest), name)
    return {"held": await asyncio.to_thread(folder.append, file, offset, piece)}


@router.post("/{request_id}")
async def end(request: Request, request_id: str, said: End) -> dict[str, str]:
    """Everything is held against the manifest, and the manifest against the event that told of it."""
    here = centre(request)
    agent = await here.credentials.agent(request)
    row = await _row(here, agent, request_id)
    if row["state"] not in ("asked", "uploading"):
        return {"state": row["state"], "why": row["why"]}
    if said.error:
        return await _fail(here, row, said.error)
    folder = _folder(here, row)
    manifest = await asyncio.to_thread(folder.manifest)
    if manifest is None or (missing := await asyncio.to_thread(folder.missing, manifest)):
        raise ApiError(409, "conflict", f"{missing if manifest else MANIFEST} is not wholly here")
    if why := await asyncio.to_thread(folder.fault, manifest) or await _unlike_its_event(here, row, agent):
        return await _fail(here, row, why)
    async with here.services.database.write() as connection:
        await evidence_requests.change(connection, request_id, at=here.services.clock(), state="complete")
    return {"state": "complete", "why": ""}


async def _take_manifest(here: Centre, row: dict[str, Any], folder: Folder, content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    if row["manifest_sha256"] == digest and row["state"] == "complete":
        return {"held": len(content)}
    if row["state"] != "asked" and (row["state"], row["manifest_sha256"]) != ("uploading", digest):
        raise ApiError(409, "conflict", f"the request has another manifest, or ended ({row['state']}): {row['why']}")
    if row["state"] == "asked":
        manifest = _checked(content, row["id"])
        await _reserve(here, row, digest, len(content) + sum(file.bytes for file in manifest.files))
    await asyncio.to_thread(folder.begin, content)
    return {"held": len(content)}


async def _reserve(here: Centre, row: dict[str, Any], digest: str, size: int) -> None:
    """Room on the disk, before the first byte. Raises ApiError 413 for a capture that never fits, 503 for one that does
    not fit now."""
    if size > here.settings.evidence_request_bytes:
        why = f"the capture has {size} bytes, the centre takes {here.settings.evidence_request_bytes}"
        await _fail(here, row, why)
        raise ApiError(413, "too_large", why)
    now = here.services.clock()
    told = {"state": "uploading", "manifest_sha256": digest, "bytes": size}
    async with here.services.database.write() as connection:
        gone = await evidence_requests.make_room(connection, size, here.settings.evidence_bytes, now)
        if gone is None:
            raise retry_later(503, "the centre's room for evidence is taken by captures that are still coming", 60)
        await evidence_requests.change(connection, row["id"], at=now, **told)
    for tenant_id, request_id in gone:
        _log.warning("evidence_removed", tenant=tenant_id, request=request_id, why="made room for a newer capture")
        await asyncio.to_thread(_folder(here, {"tenant_id": tenant_id, "id": request_id}).remove)


def _checked(content: bytes, request_id: str) -> Manifest:
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ApiError(400, "malformed", f"the manifest cannot be read: {error}") from error
    names = [file.name.casefold() for file in manifest.files]
    if manifest.id != request_id or MANIFEST in names or len(set(names)) < len(names):
        raise ApiError(422, "invalid", "the manifest is another request's, or names a file twice")
    return manifest


async def _unlike_its_event(here: Centre, row: dict[str, Any], agent: AgentIdentity) -> str:
    """Raises ApiError 503 while the event, which goes its own way, is not stored yet."""
    scope = TenantScope.of(agent.tenant_id)
    query = EventQuery(
        scope, device_id=agent.device_id, logsource=EVIDENCE, fields=(("EvidenceId", row["id"]),), limit=10
    )
    found = [event for event in await here.services.events.search(query) if event.agent_id == agent.agent_id]
    if not found:
        raise retry_later(503, "the evidence event with the manifest's hash has not come yet", EVENT_LATER)
    if any(orjson.loads(event.raw).get("ManifestSha256") == row["manifest_sha256"] for event in found):
        return ""
    return "the manifest is not the one that the agent's evidence event told of"


async def _fail(here: Centre, row: dict[str, Any], why: str) -> dict[str, str]:
    """What came of it is removed: nothing that fails its checks is taken for evidence."""
    async with here.services.database.write() as connection:
        at = here.services.clock()
        await evidence_requests.change(connection, row["id"], at=at, state="failed", why=why, bytes=0)
    await asyncio.to_thread(_folder(here, row).remove)
    _log.warning("evidence_failed", tenant=row["tenant_id"], request=row["id"])
    return {"state": "failed", "why": why}


async def _row(here: Centre, agent: AgentIdentity, request_id: str) -> dict[str, Any]:
    """Raises ApiError 404 for what this agent was not asked for, whoever else was."""
    async with here.services.database.read() as connection:
        row = await evidence_requests.of_agent(connection, agent.agent_id, request_id)
    if row is None or row["tenant_id"] != agent.tenant_id:
        raise ApiError(404, "not_found", "this agent was not asked for such a capture")
    return row


def _folder(here: Centre, row: dict[str, Any]) -> Folder:
    if here.services.evidence is None:
        raise ApiError(503, "unavailable", "this process keeps no evidence")
    return Folder(here.services.evidence, row["tenant_id"], row["id"])


def _still_open(row: dict[str, Any]) -> None:
    if row["state"] == "asked":
        raise ApiError(409, "conflict", f"send {MANIFEST} first")
    if row["state"] != "uploading":
        raise ApiError(409, "conflict", f"the request has ended ({row['state']}): {row['why']}")


def _named(manifest: Manifest | None, name: str) -> Any:
    for file in manifest.files if manifest else ():
        if file.name == name:
            return file
    raise ApiError(422, "invalid", "the manifest names no such file")
