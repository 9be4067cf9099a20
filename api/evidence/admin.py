"""`/v1/admin/evidence`: ask agents for captures, see what came, read it. Every wish and every look is recorded."""

import asyncio
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access_records import EVERY_TENANT, record_access
from api.admin import Wish, named_tenant
from api.enrolment import Name
from api.errors import ApiError
from api.evidence.folder import Folder
from api.guard import require_admin
from api.state import Centre, centre
from jikimi.domain.evidence import LONGEST_FILTER, narrowed
from jikimi.domain.scope import TenantScope
from jikimi.storage import evidence_requests

router = APIRouter(prefix="/v1/admin/evidence", dependencies=[Depends(require_admin)])


class NewRequest(Wish):
    """`agent` is an id, `device` a name: one of them. `incident` is an id or a number."""

    tenant: str | None = None
    agent: Annotated[str, Field(max_length=64)] | None = None
    device: Annotated[str, Field(max_length=200)] | None = None
    before: Annotated[int, Field(ge=0, le=3600)] = 300
    after: Annotated[int, Field(ge=0, le=3600)] = 60
    filter: Annotated[str, Field(max_length=LONGEST_FILTER)] = ""
    incident: Annotated[str, Field(max_length=64)] | None = None
    reason: Annotated[str, Field(max_length=300)] = ""
    by: Name


class Look(Wish):
    by: Name


@router.post("", status_code=201)
async def ask(request: Request, wish: NewRequest) -> dict[str, Any]:
    """The agent hears of it with its next heartbeat."""
    here = centre(request)
    if (wish.agent is None) == (wish.device is None):
        raise ApiError(422, "invalid", "name one agent (its id) or one device (its name)")
    if here.services.config_keys is None or here.services.evidence is None:
        raise ApiError(503, "unavailable", "this process has no key to sign requests with, or keeps no evidence")
    narrowed("", wish.filter)
    async with here.services.database.write() as connection:
        company = await named_tenant(connection, wish.tenant)
        await _expire(here, connection)
        agent = await evidence_requests.agent_of(connection, company.id, agent=wish.agent, device=wish.device)
        incident = wish.incident and await evidence_requests.incident_of(connection, company.id, wish.incident)
        stated = {"reason": wish.reason, "before": wish.before, "after": wish.after, "filter": wish.filter}
        request_id = await evidence_requests.ask(
            connection,
            company.id,
            agent,
            at=here.services.clock(),
            asked_by=wish.by,
            incident_id=incident or None,
            **stated,
        )
        task = (
            f"packets asked of {wish.device or agent}, {wish.before} s before and {wish.after} s after: {wish.reason}"
        )
        await _record(connection, request, company.id, wish.by, task)
        return await _one(connection, request_id)


@router.get("")
async def show_all(request: Request, by: Name, tenant: str | None = None) -> list[dict[str, Any]]:
    """The newest first."""
    here = centre(request)
    async with here.services.database.write() as connection:
        await _expire(here, connection)
        scope, seen = TenantScope.every_tenant(), EVERY_TENANT
        if tenant is not None:
            seen = (await named_tenant(connection, tenant)).id
            scope = TenantScope.of(seen)
        await _record(connection, request, seen, by, "list of captures read")
        return [_told(row) for row in await evidence_requests.listed(connection, scope)]


@router.post("/{request_id}/show")
async def show(request: Request, request_id: str, look: Look) -> dict[str, Any]:
    """With the files as the manifest names them, once it came."""
    return await _read(request, request_id, look.by, "manifest of a capture read")


@router.post("/{request_id}/save")
async def save(request: Request, request_id: str, look: Look) -> dict[str, Any]:
    """Also `folder`, on this machine, from where the caller copies; only what is complete."""
    told = await _read(request, request_id, look.by, "capture taken out")
    if told["state"] != "complete":
        raise ApiError(409, "conflict", f"the capture is not complete ({told['state']}) {told['why']}".strip())
    return told


async def _read(request: Request, request_id: str, by: str, task: str) -> dict[str, Any]:
    here = centre(request)
    async with here.services.database.write() as connection:
        await _expire(here, connection)
        told = await _one(connection, request_id)
        await _record(connection, request, told["tenant_id"], by, f"{task}: {request_id}")
    if here.services.evidence is None:
        return told
    folder = Folder(here.services.evidence, told["tenant_id"], request_id)
    manifest = await asyncio.to_thread(folder.manifest)
    return told | {"folder": str(folder.path), "files": msgspec.to_builtins(manifest.files if manifest else ())}


async def _one(connection: AsyncConnection, request_id: str) -> dict[str, Any]:
    found = await evidence_requests.listed(connection, TenantScope.every_tenant(), request_id)
    if not found:
        raise ApiError(404, "not_found", f"there is no request {request_id!r}; `jikimi admin evidence list` shows them")
    return _told(found[0])


async def _expire(here: Centre, connection: AsyncConnection) -> None:
    for tenant_id, request_id in await evidence_requests.expire(connection, here.services.clock()):
        if here.services.evidence is not None:
            await asyncio.to_thread(Folder(here.services.evidence, tenant_id, request_id).remove)


async def _record(connection: AsyncConnection, request: Request, tenant_id: str, who: str, task: str) -> None:
    address = request.client.host if request.client else ""
    at = centre(request).services.clock()
    await record_access(connection, at=at, account=who[:64], address=address, tenant_id=tenant_id, task=task)


def _told(row: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(row)
    return told
