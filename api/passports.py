"""`/v1/admin/device-passports`: which removable devices a company allows. Every change is on the access record."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import AwareDatetime, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access_records import record_access
from api.admin import Wish, named_tenant
from api.enrolment import Name
from api.errors import ApiError
from api.guard import require_admin
from api.state import centre
from jikimi.domain.passport import DevicePassport, Enforcement, judge
from jikimi.domain.tenant import Tenant
from jikimi.storage import passports

router = APIRouter(prefix="/v1/admin/device-passports", dependencies=[Depends(require_admin)])

Text = Annotated[str, Field(max_length=200)]


class NewPassport(Wish):
    """`tenant` is a name or an id; null means the only one."""

    tenant: str | None = None
    serial: Text = ""
    filesystem_id: Text = ""
    vendor: Text = ""
    product: Text = ""
    holder: Name
    purpose: Text = ""
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None
    read_only: bool = False
    approved_by: Name


class Revocation(Wish):
    tenant: str | None = None
    by: Name


class Extension(Wish):
    tenant: str | None = None
    until: AwareDatetime
    by: Name


class Enforced(Wish):
    tenant: str | None = None
    enforcement: Enforcement
    by: Name


@router.get("")
async def list_passports(request: Request, tenant: str | None = None) -> list[dict[str, Any]]:
    """With what each is worth now (`state`)."""
    here = centre(request)
    now = here.services.clock()
    async with here.services.database.read() as connection:
        company = await named_tenant(connection, tenant)
    return [_told(one, company, now) for one in company.media.passports]


@router.post("", status_code=201)
async def allow(request: Request, wish: NewPassport) -> dict[str, Any]:
    here = centre(request)
    now = here.services.clock()
    async with here.services.database.write() as connection:
        company = await named_tenant(connection, wish.tenant)
        passport = await passports.allow(connection, company.id, at=now, **wish.model_dump(exclude={"tenant"}))
        await _record(connection, request, company, wish.approved_by, f"device passport {passport.id} issued")
    return _told(passport, company, now)


@router.post("/{passport_id}/revoke")
async def revoke(request: Request, passport_id: str, wish: Revocation) -> dict[str, Any]:
    """From now on; agents follow with their next heartbeat. Revoking twice keeps the first time."""
    here = centre(request)
    now = here.services.clock()
    async with here.services.database.write() as connection:
        company = await named_tenant(connection, wish.tenant)
        known = next((one for one in company.media.passports if one.id == passport_id), None)
        at = known.revoked_at if known and known.revoked_at else now
        passport = await passports.change(connection, company.id, passport_id, revoked_at=at)
        await _record(connection, request, company, wish.by, f"device passport {passport_id} revoked")
    return _told(passport, company, now)


@router.post("/{passport_id}/until")
async def approve_until(request: Request, passport_id: str, wish: Extension) -> dict[str, Any]:
    """A new end, earlier or later."""
    here = centre(request)
    now = here.services.clock()
    async with here.services.database.write() as connection:
        company = await named_tenant(connection, wish.tenant)
        known = next((one for one in company.media.passports if one.id == passport_id), None)
        if known and known.revoked_at:
            raise ApiError(422, "invalid", f"passport {passport_id} was revoked; issue a new one")
        if known and wish.until <= known.valid_from:
            raise ApiError(422, "invalid", "the passport would end before it begins")
        passport = await passports.change(
            connection, company.id, passport_id, valid_until=wish.until, approved_by=wish.by
        )
        await _record(connection, request, company, wish.by, f"device passport {passport_id} valid until {wish.until}")
    return _told(passport, company, now)


@router.post("/enforcement")
async def enforce(request: Request, wish: Enforced) -> dict[str, Any]:
    """What agents do with a volume that is not allowed: nothing (`off`), remount it read-only, or unmount it."""
    here = centre(request)
    async with here.services.database.write() as connection:
        company = await named_tenant(connection, wish.tenant)
        await passports.enforce(connection, company.id, wish.enforcement)
        await _record(connection, request, company, wish.by, f"device enforcement {wish.enforcement}")
    return {"tenant": company.name, "enforcement": wish.enforcement}


def _told(one: DevicePassport, company: Tenant, now: datetime) -> dict[str, Any]:
    alone = company.media.__class__((one,))
    as_device = {"Serial": one.serial, "FilesystemId": one.filesystem_id, "Vendor": one.vendor, "Product": one.product}
    verdict = judge(alone, as_device, now)
    row = {name: getattr(one, name) for name in DevicePassport.__struct_fields__}
    return {**row, "tenant": company.name, "state": verdict.judgement if verdict else "unknown"}


async def _record(connection: AsyncConnection, request: Request, company: Tenant, who: str, task: str) -> None:
    address = request.client.host if request.client else ""
    at = centre(request).services.clock()
    await record_access(connection, at=at, account=who[:64], address=address, tenant_id=company.id, task=task)
