"""`/v1/admin/*`: what the commands on the centre's own machine ask for. Every route needs the admin token."""

from datetime import time
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.enrolment import Name, issue_token
from api.errors import ApiError
from api.guard import require_admin
from api.state import centre
from jikimi.domain.tenant import Tenant, WorkHours
from jikimi.storage import silence, tenants
from jikimi.storage.schema import agents, dead_letters, devices, sites
from jikimi.storage.schema import tenants as tenants_table

OWN_COMPANY = "우리 회사"

router = APIRouter(prefix="/v1/admin", dependencies=[Depends(require_admin)])

Level = Literal["low", "medium", "high", "very_high"]
Language = Literal["ko", "en"]


class Wish(BaseModel):
    """What a caller may ask; a misspelt key is an error, not a default."""

    model_config = ConfigDict(extra="forbid")


class NewTenant(Wish):
    name: Name
    zone: str = "Asia/Seoul"
    language: Language = "ko"
    work_start: time = WorkHours().start
    work_end: time = WorkHours().end
    work_days: list[Annotated[int, Field(ge=1, le=7)]] = list(WorkHours().days)


class PlaceholderValues(Wish):
    """No values take the placeholder away."""

    tenant: str | None = None
    name: Annotated[str, Field(pattern=r"^[^%\\\s]{1,100}$")]
    values: Annotated[list[Annotated[str, Field(min_length=1, max_length=500)]], Field(max_length=1_000)] = []


class NewSite(Wish):
    tenant: str | None = None
    name: Name


class NewContact(Wish):
    tenant: str | None = None
    name: Annotated[Name, Field(max_length=100)]
    email: Annotated[str, Field(max_length=254, pattern=r"^$|^[^@\s]+@[^@\s]+$")] = ""
    phone: Annotated[str, Field(max_length=32, pattern=r"^$|^\+?[0-9][0-9 -]{5,30}$")] = ""
    language: Language = "ko"
    mail_from: Level = "low"
    sms_from: Level = "medium"


class NewToken(Wish):
    """`tenant` is a name or an id; null means the only one."""

    tenant: str | None = None
    uses: int = Field(default=1, ge=1, le=100_000)
    minutes: int = Field(default=60, ge=1, le=60 * 24 * 90)
    site: Name | None = None


class Expected(Wish):
    tenant: str | None = None
    device: Name
    always_on: bool = True


@router.post("/tenants", status_code=201)
async def add_tenant(request: Request, wish: NewTenant) -> dict[str, Any]:
    here = centre(request)
    hours = WorkHours(wish.work_start, wish.work_end, tuple(sorted(set(wish.work_days))))
    async with here.services.database.write() as connection:
        tenant = await tenants.create_tenant(
            connection,
            wish.name,
            at=here.services.clock(),
            zone=wish.zone,
            language=wish.language,
            work_hours=hours,
        )
    return _company(tenant)


@router.get("/tenants")
async def list_tenants(request: Request) -> list[dict[str, Any]]:
    async with centre(request).services.database.read() as connection:
        return [_company(tenant) for tenant in await tenants.load_tenants(connection)]


@router.post("/sites", status_code=201)
async def add_site(request: Request, wish: NewSite) -> dict[str, Any]:
    async with centre(request).services.database.write() as connection:
        tenant = await named_tenant(connection, wish.tenant)
        return {"id": await tenants.create_site(connection, tenant.id, wish.name), "tenant": tenant.name}


@router.post("/contacts", status_code=201)
async def add_contact(request: Request, wish: NewContact) -> dict[str, Any]:
    if not (wish.email or wish.phone):
        raise ApiError(422, "invalid", f"contact {wish.name!r} needs an e-mail address or a phone number")
    async with centre(request).services.database.write() as connection:
        tenant = await named_tenant(connection, wish.tenant)
        contact = await tenants.create_contact(
            connection, tenant.id, **wish.model_dump(exclude={"tenant", "phone"}), phone=wish.phone.replace(" ", "")
        )
    return _told(contact)


@router.get("/contacts")
async def list_contacts(request: Request, tenant: str | None = None) -> list[dict[str, Any]]:
    async with centre(request).services.database.read() as connection:
        found = await named_tenant(connection, tenant)
        return [_told(contact) for contact in await tenants.load_contacts(connection, found.id)]


@router.post("/enrolment-tokens", status_code=201)
async def add_token(request: Request, wish: NewToken) -> dict[str, Any]:
    """A centre without any company guards its own: the first token makes it."""
    here = centre(request)
    async with here.services.database.write() as connection:
        if wish.tenant is None and not await tenants.load_tenants(connection):
            await tenants.create_tenant(connection, OWN_COMPANY, at=here.services.clock())
        tenant = await named_tenant(connection, wish.tenant)
        token, expires_at = await issue_token(
            connection,
            tenant.id,
            now=here.services.clock(),
            uses=wish.uses,
            minutes=wish.minutes,
            site_id=await _site(connection, tenant, wish.site),
        )
    return {"token": token, "tenant": tenant.name, "expires_at": expires_at}


@router.put("/placeholders")
async def set_placeholder(request: Request, wish: PlaceholderValues) -> dict[str, Any]:
    """The company's values for a Sigma placeholder; the detector uses them within seconds."""
    async with centre(request).services.database.write() as connection:
        tenant = await named_tenant(connection, wish.tenant)
        changed = await tenants.set_placeholder(connection, tenant, wish.name, wish.values)
    return {"tenant": changed.name, "name": wish.name, "values": list(changed.placeholders.get(wish.name, ()))}


@router.get("/placeholders")
async def list_placeholders(request: Request, tenant: str | None = None) -> list[dict[str, Any]]:
    async with centre(request).services.database.read() as connection:
        found = await named_tenant(connection, tenant)
    return [{"name": name, "values": list(values)} for name, values in found.placeholders.items()]


@router.get("/agents")
async def list_agents(request: Request) -> list[dict[str, Any]]:
    query = (
        select(
            agents.c.id,
            tenants_table.c.name.label("tenant"),
            devices.c.name.label("device"),
            devices.c.always_on,
            agents.c.kind,
            agents.c.version,
            agents.c.enrolled_at,
            agents.c.last_seen,
            agents.c.revoked_at,
        )
        .join(tenants_table, tenants_table.c.id == agents.c.tenant_id)
        .join(devices, devices.c.id == agents.c.device_id)
        .order_by(tenants_table.c.name, devices.c.name, agents.c.enrolled_at)
    )
    async with centre(request).services.database.read() as connection:
        return [dict(row) for row in (await connection.execute(query)).mappings()]


@router.post("/agents/{agent_id}/revoke")
async def revoke_agent(request: Request, agent_id: str) -> dict[str, Any]:
    """Its credential is refused from now on. Revoking twice keeps the first time."""
    here = centre(request)
    now = here.services.clock()
    async with here.services.database.write() as connection:
        changed = await connection.execute(
            agents.update()
            .where(agents.c.id == agent_id)
            .values(revoked_at=func.coalesce(agents.c.revoked_at, now))
            .returning(agents.c.revoked_at)
        )
        row = changed.one_or_none()
    if row is None:
        raise ApiError(404, "not_found", f"there is no agent {agent_id!r}; `jikimi admin agent list` shows them")
    here.credentials.forget()
    return {"id": agent_id, "revoked_at": row.revoked_at}


@router.post("/always-on")
async def always_on(request: Request, wish: Expected) -> dict[str, Any]:
    """Whether the centre misses a computer at any hour."""
    async with centre(request).services.database.write() as connection:
        tenant = await named_tenant(connection, wish.tenant)
        await silence.expect(connection, tenant.id, wish.device, always_on=wish.always_on)
    return {"tenant": tenant.name, "device": wish.device, "always_on": wish.always_on}


@router.get("/dead-letters")
async def list_dead_letters(
    request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[dict[str, Any]]:
    """The newest first; of the raw bytes the first 1,000 as text."""
    query = select(dead_letters).order_by(dead_letters.c.at.desc(), dead_letters.c.source).limit(limit)
    async with centre(request).services.database.read() as connection:
        rows = (await connection.execute(query)).mappings()
        return [{**row, "raw": row["raw"][:1000].decode("utf-8", "backslashreplace")} for row in rows]


@router.get("/status")
async def status(request: Request) -> dict[str, Any]:
    return await centre(request).services.status()


async def named_tenant(connection: AsyncConnection, named: str | None) -> Tenant:
    """The company with that name or id; None means the only one."""
    every = await tenants.load_tenants(connection)
    names = ", ".join(tenant.name for tenant in every[:20]) + (" …" if len(every) > 20 else "")
    if not every:
        raise ApiError(422, "invalid", "there is no company yet; add one with `jikimi admin tenant add NAME`")
    if named is None:
        if len(every) > 1:
            raise ApiError(422, "invalid", f"there are several companies, name one of them: {names}")
        return every[0]
    for tenant in every:
        if named in (tenant.name, tenant.id):
            return tenant
    raise ApiError(422, "invalid", f"there is no company {named!r}; there are: {names}")


async def _site(connection: AsyncConnection, tenant: Tenant, name: str | None) -> str | None:
    if name is None:
        return None
    query = select(sites.c.id).where(sites.c.tenant_id == tenant.id, sites.c.name == name)
    found: str | None = (await connection.execute(query)).scalar_one_or_none()
    if found is None:
        raise ApiError(422, "invalid", f"{tenant.name} has no site {name!r}; add it with `jikimi admin site add`")
    return found


def _company(tenant: Tenant) -> dict[str, Any]:
    told = _told(tenant)
    del told["media"]  # `device-passport list` tells it, with what each passport is worth now
    return told


def _told(record: msgspec.Struct) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(record)
    return told
