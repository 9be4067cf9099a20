"""`/v1/admin/rules/…`: stages, quarantine, exceptions, reload and bundles of the rules that the centre runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access_records import EVERY_TENANT, record_access
from api.admin import Wish, named_tenant
from api.enrolment import Name
from api.errors import ApiError, retry_later
from api.guard import require_admin
from api.rules.desk import RuleDesk
from api.state import centre

MOST_FILTER = 64 * 1024
MOST_BUNDLE = 64 << 20

router = APIRouter(prefix="/v1/admin/rules", dependencies=[Depends(require_admin)])

Stage = Literal["draft", "shadow", "live"]
Words = Annotated[str, Field(min_length=1, max_length=1000)]
Days = Annotated[int, Query(ge=1, le=400)]


class Staging(Wish):
    """`stage` may also be `promote` or `demote`; `by` is who asks."""

    rule: Name
    stage: Stage | Literal["promote", "demote"]
    why: Words
    by: Name = "admin"


class Freeing(Wish):
    rule: Name
    why: Words
    by: Name = "admin"


class NewException(Wish):
    """`filter` is a Sigma filter as YAML; `until` the last day it is in force, UTC."""

    tenant: str | None = None
    rule: Name
    filter: Annotated[str, Field(max_length=MOST_FILTER)]
    owner: str
    reason: str
    until: str
    by: Name = "admin"


class Ending(Wish):
    why: Words
    by: Name = "admin"


class Asking(Wish):
    by: Name = "admin"


class Installing(Wish):
    """`file` is the path of a bundle on this machine."""

    file: Path
    by: Name = "admin"


@router.get("")
async def list_rules(request: Request, stage: Stage | None = None, days: Days = 7) -> list[dict[str, Any]]:
    async with _reading(request) as (desk, connection):
        return await desk.rules(connection, stage, days)


@router.get("/hits")
async def list_hits(request: Request, rule: str, days: Days = 7) -> list[dict[str, Any]]:
    async with _reading(request) as (desk, connection):
        return await desk.hits(connection, rule, days)


@router.post("/stage")
async def set_stage(request: Request, wish: Staging) -> dict[str, Any]:
    async with _changing(request, wish.by, f"rule {wish.rule}: {wish.stage}") as (desk, connection):
        return await desk.stage(connection, wish.rule, wish.stage, wish.by, wish.why)


@router.get("/quarantine")
async def list_quarantine(request: Request) -> list[dict[str, Any]]:
    async with _reading(request) as (desk, connection):
        return await desk.quarantine(connection)


@router.post("/release")
async def release(request: Request, wish: Freeing) -> dict[str, Any]:
    async with _changing(request, wish.by, f"rule {wish.rule}: out of quarantine") as (desk, connection):
        return await desk.release(connection, wish.rule, wish.by, wish.why)


@router.post("/exceptions", status_code=201)
async def add_exception(request: Request, wish: NewException) -> dict[str, Any]:
    desk = _desk(request)
    async with centre(request).services.database.read() as connection:
        tenant = await named_tenant(connection, wish.tenant)
    judged = await desk.judge(wish.rule, wish.filter, wish.owner, wish.reason, _end_of(wish.until))
    task = f"rule {wish.rule}: exception granted"
    async with _changing(request, wish.by, task, tenant.id) as (desk, connection):
        return {**await desk.grant(connection, judged, tenant.id, wish.by), "tenant": tenant.name}


@router.get("/exceptions")
async def list_exceptions(request: Request, tenant: str | None = None) -> list[dict[str, Any]]:
    async with _reading(request) as (desk, connection):
        chosen = (await named_tenant(connection, tenant)).id if tenant is not None else None
        return await desk.exceptions(connection, chosen)


@router.post("/exceptions/{exception_id}/withdraw")
async def withdraw_exception(request: Request, exception_id: str, wish: Ending) -> dict[str, Any]:
    async with _changing(request, wish.by, f"exception {exception_id} withdrawn") as (desk, connection):
        return await desk.withdraw(connection, exception_id, wish.by, wish.why)


@router.post("/reload", status_code=202)
async def reload(request: Request, wish: Asking) -> dict[str, Any]:
    """Workers read the rule files beside the running rules; `GET workers` tells when each has arrived."""
    async with _changing(request, wish.by, "rules read again") as (desk, connection):
        return {"content_version": await desk.reload(connection, wish.by)}


@router.post("/bundle", status_code=202)
async def install_bundle(request: Request, wish: Installing) -> dict[str, Any]:
    content = await asyncio.to_thread(_content, wish.file)
    told = await _desk(request).install(content, wish.by)
    async with _changing(request, wish.by, f"rule bundle {told['version']} installed") as (desk, connection):
        arrived = {worker["id"]: worker["bundle_version"] for worker in await desk.workers(connection)}
    return {**told, "workers": arrived}


@router.get("/workers")
async def list_workers(request: Request) -> list[dict[str, Any]]:
    async with _reading(request) as (desk, connection):
        return await desk.workers(connection)


@router.get("/refused")
async def list_refused(request: Request) -> list[dict[str, Any]]:
    """Rules of the last reading that cannot be used."""
    return _desk(request).refused()


@router.get("/history")
async def history(
    request: Request, rule: str | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[dict[str, Any]]:
    async with _reading(request) as (desk, connection):
        return await desk.history(connection, rule, limit)


def _desk(request: Request) -> RuleDesk:
    desk = centre(request).services.rule_desk
    if desk is None:
        raise retry_later(503, "this process serves no rules; ask the centre that runs the detectors")
    return desk


@asynccontextmanager
async def _reading(request: Request) -> AsyncIterator[tuple[RuleDesk, AsyncConnection]]:
    desk = _desk(request)
    async with centre(request).services.database.read() as connection:
        yield desk, connection


@asynccontextmanager
async def _changing(
    request: Request, by: str, task: str, tenant_id: str = EVERY_TENANT
) -> AsyncIterator[tuple[RuleDesk, AsyncConnection]]:
    """One transaction with the record of who did it."""
    desk, services = _desk(request), centre(request).services
    address = request.client.host if request.client else ""
    async with services.database.write() as connection:
        yield desk, connection
        await record_access(
            connection, at=services.clock(), account=by[:64], address=address, tenant_id=tenant_id, task=task
        )


def _end_of(until: str) -> datetime:
    """The end of the day, or the moment, that was meant."""
    try:
        if len(until) == len("2027-01-31"):
            return datetime.combine(datetime.fromisoformat(until).date(), time(), UTC) + timedelta(days=1)
        moment = datetime.fromisoformat(until)
    except (ValueError, OverflowError) as error:
        raise ApiError(422, "invalid", f"until: {until!r} is no date; write it as 2027-01-31") from error
    if moment.tzinfo is None:
        raise ApiError(422, "invalid", f"until: {until!r} names no time zone; write a date, or a time with its zone")
    return moment


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BUNDLE + 1)
    except OSError as error:
        raise ApiError(422, "invalid", f"{path}: the bundle cannot be read ({error.strerror})") from error
    if len(content) > MOST_BUNDLE:
        raise ApiError(413, "too_large", f"{path}: larger than a bundle may be ({MOST_BUNDLE >> 20} MB)")
    return content
