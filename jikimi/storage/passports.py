"""The companies' registers of removable devices. Every change raises the version of the company's configuration, by
which agents know that there is something new."""

from collections import defaultdict
from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from jikimi.domain.passport import DevicePassport, Enforcement, MediaRegister
from jikimi.errors import Misconfigured
from jikimi.storage.schema import device_passports, tenants


async def load_registers(connection: AsyncConnection, tenant_id: str | None = None) -> dict[str, MediaRegister]:
    """By company; of one company or of all."""
    passports: defaultdict[str, list[DevicePassport]] = defaultdict(list)
    query = select(device_passports).order_by(device_passports.c.created_at, device_passports.c.id)
    chosen = select(tenants.c.id, tenants.c.media_enforcement)
    if tenant_id is not None:
        query = query.where(device_passports.c.tenant_id == tenant_id)
        chosen = chosen.where(tenants.c.id == tenant_id)
    for row in await connection.execute(query):
        passports[row.tenant_id].append(_passport(row))
    return {
        row.id: MediaRegister(tuple(passports[row.id]), row.media_enforcement)
        for row in await connection.execute(chosen)
    }


async def allow(
    connection: AsyncConnection,
    tenant_id: str,
    *,
    at: datetime,
    approved_by: str,
    valid_from: datetime | None = None,
    **stated: Any,
) -> DevicePassport:
    """Issue a passport; `stated` are DevicePassport's other fields. Raises Misconfigured when it would fit any device,
    or end before it begins."""
    passport = DevicePassport(id=uuid4().hex, valid_from=valid_from or at, approved_by=approved_by, **stated)
    if not (passport.serial or passport.filesystem_id):
        raise Misconfigured("a passport needs the device's serial number or its file system's id")
    if passport.valid_until is not None and passport.valid_until <= passport.valid_from:
        raise Misconfigured(f"the passport would end ({passport.valid_until}) before it begins ({passport.valid_from})")
    row = {name: getattr(passport, name) for name in DevicePassport.__struct_fields__}
    await connection.execute(device_passports.insert().values(tenant_id=tenant_id, created_at=at, **row))
    await raise_config_version(connection, tenant_id)
    return passport


async def change(connection: AsyncConnection, tenant_id: str, passport_id: str, **values: Any) -> DevicePassport:
    """Set `valid_until`, `revoked_at`, …. Raises Misconfigured when the company has no such passport."""
    of_tenant = (device_passports.c.tenant_id == tenant_id, device_passports.c.id == passport_id)
    await connection.execute(device_passports.update().where(*of_tenant).values(**values))
    row = (await connection.execute(select(device_passports).where(*of_tenant))).one_or_none()
    if row is None:
        raise Misconfigured(f"there is no passport {passport_id!r}; `jikimi admin device-passport list` shows them")
    await raise_config_version(connection, tenant_id)
    return _passport(row)


async def enforce(connection: AsyncConnection, tenant_id: str, what: Enforcement) -> None:
    """From now on the company's agents do `what` with volumes that are not allowed."""
    await connection.execute(tenants.update().where(tenants.c.id == tenant_id).values(media_enforcement=what))
    await raise_config_version(connection, tenant_id)


async def config_version(connection: AsyncConnection, tenant_id: str) -> int:
    """Of what the company's agents run with; it only rises."""
    version: int = (
        await connection.execute(select(tenants.c.config_version).where(tenants.c.id == tenant_id))
    ).scalar_one()
    return version


async def raise_config_version(connection: AsyncConnection, tenant_id: str | None) -> None:
    """Agents of the company (None: of all) ask for their configuration with the next heartbeat."""
    raised = tenants.update().values(config_version=tenants.c.config_version + 1)
    await connection.execute(raised if tenant_id is None else raised.where(tenants.c.id == tenant_id))


def _passport(row: Row[Any]) -> DevicePassport:
    named = {name: getattr(row, name) for name in DevicePassport.__struct_fields__}
    return msgspec.convert(named, DevicePassport)
