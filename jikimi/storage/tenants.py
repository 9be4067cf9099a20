"""The companies, their places, people and computers: plain functions on a connection."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from jikimi.domain.passport import MediaRegister
from jikimi.domain.risk import RiskLevel
from jikimi.domain.tenant import Contact, Device, Tenant, WorkHours
from jikimi.errors import Misconfigured, Poison
from jikimi.storage.passports import load_registers
from jikimi.storage.schema import agents, contacts, devices, sites, tenants
from jikimi.storage.upsert import insert

LANGUAGES = frozenset({"ko", "en"})


async def create_tenant(
    connection: AsyncConnection,
    name: str,
    *,
    at: datetime,
    zone: str = "Asia/Seoul",
    language: str = "ko",
    work_hours: WorkHours | None = None,
    tenant_id: str | None = None,
) -> Tenant:
    """A new client company. Raises Misconfigured for a name taken, an unknown zone or language."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Misconfigured(f"company {name!r}: {zone!r} is not a time zone; write one like Asia/Seoul") from error
    _check_language(name, language)
    tenant = Tenant(tenant_id or uuid4().hex, name, zone, language, work_hours or WorkHours())
    fresh = insert(connection, tenants).values(
        id=tenant.id,
        name=name,
        zone=zone,
        language=language,
        work_hours=msgspec.to_builtins(tenant.work_hours),
        created_at=at,
    )
    result = await connection.execute(fresh.on_conflict_do_nothing())
    if result.rowcount == 0:
        raise Misconfigured(f"a company named {name!r} is already there; choose another name")
    return tenant


async def load_tenant(connection: AsyncConnection, tenant_id: str) -> Tenant:
    """Raises Poison when there is no such company: what names it can never be worked on."""
    row = (await connection.execute(select(tenants).where(tenants.c.id == tenant_id))).one_or_none()
    if row is None:
        raise Poison(f"there is no company with the id {tenant_id!r}")
    return _tenant(row, (await load_registers(connection, tenant_id))[tenant_id])


async def find_tenant(connection: AsyncConnection, name: str) -> Tenant | None:
    """By its exact name."""
    row = (await connection.execute(select(tenants).where(tenants.c.name == name))).one_or_none()
    return None if row is None else _tenant(row, (await load_registers(connection, row.id))[row.id])


async def load_tenants(connection: AsyncConnection) -> list[Tenant]:
    """Every company, by name."""
    registers = await load_registers(connection)
    return [
        _tenant(row, registers[row.id]) for row in await connection.execute(select(tenants).order_by(tenants.c.name))
    ]


async def set_placeholder(connection: AsyncConnection, tenant: Tenant, name: str, values: Sequence[str]) -> Tenant:
    """The company with these values for a Sigma placeholder; no values take it away."""
    placeholders = {**tenant.placeholders, name: tuple(values)}
    kept = {name: values for name, values in sorted(placeholders.items()) if values}
    written = {name: list(values) for name, values in kept.items()}
    await connection.execute(tenants.update().where(tenants.c.id == tenant.id).values(placeholders=written))
    return msgspec.structs.replace(tenant, placeholders=kept)


async def create_site(connection: AsyncConnection, tenant_id: str, name: str) -> str:
    """The id of the company's place of that name, made when it was not there."""
    fresh = insert(connection, sites).values(id=uuid4().hex, tenant_id=tenant_id, name=name)
    await connection.execute(fresh.on_conflict_do_nothing(index_elements=["tenant_id", "name"]))
    row = await connection.execute(select(sites.c.id).where(sites.c.tenant_id == tenant_id, sites.c.name == name))
    found: str = row.scalar_one()
    return found


async def create_contact(
    connection: AsyncConnection,
    tenant_id: str,
    name: str,
    *,
    email: str = "",
    phone: str = "",
    language: str = "ko",
    mail_from: str = "low",
    sms_from: str = "medium",
) -> Contact:
    """A person to be told. Raises Misconfigured for an unknown language or risk level."""
    _check_language(name, language)
    for level in (mail_from, sms_from):
        if level not in RiskLevel.__members__:
            raise Misconfigured(f"contact {name!r}: {level!r} is not one of {', '.join(RiskLevel.__members__)}")
    contact = Contact(uuid4().hex, tenant_id, name, email, phone, language, mail_from, sms_from)
    await connection.execute(contacts.insert().values(**msgspec.structs.asdict(contact)))
    return contact


async def load_contacts(connection: AsyncConnection, tenant_id: str) -> list[Contact]:
    """The company's people, by name."""
    query = select(contacts).where(contacts.c.tenant_id == tenant_id).order_by(contacts.c.name)
    return [Contact(**row) for row in (await connection.execute(query)).mappings()]


async def ensure_device(
    connection: AsyncConnection,
    tenant_id: str,
    name: str,
    *,
    at: datetime,
    os: str = "",
    site_id: str | None = None,
) -> Device:
    """The company's computer of that name, made when it was not there."""
    fresh = insert(connection, devices).values(
        id=uuid4().hex, tenant_id=tenant_id, site_id=site_id, name=name, os=os, first_seen=at
    )
    await connection.execute(fresh.on_conflict_do_nothing(index_elements=["tenant_id", "name"]))
    return await _device(
        connection, select(devices).where(devices.c.tenant_id == tenant_id, devices.c.name == name), name
    )


async def load_device(connection: AsyncConnection, tenant_id: str, device_id: str) -> Device:
    """Raises Poison when the company has no such computer."""
    query = select(devices).where(devices.c.tenant_id == tenant_id, devices.c.id == device_id)
    return await _device(connection, query, device_id)


async def load_devices(connection: AsyncConnection, tenant_id: str) -> list[Device]:
    """The company's computers, by name."""
    rows = await connection.execute(select(devices).where(devices.c.tenant_id == tenant_id).order_by(devices.c.name))
    return [_to_device(row) for row in rows]


async def device_of(connection: AsyncConnection, agent_id: str) -> Device:
    """The computer an agent is installed on. Raises Poison for an unknown agent."""
    query = select(devices).join(agents, agents.c.device_id == devices.c.id).where(agents.c.id == agent_id)
    return await _device(connection, query, f"of agent {agent_id}")


async def _device(connection: AsyncConnection, query: Select[Any], wanted: str) -> Device:
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise Poison(f"there is no device {wanted!r}")
    return _to_device(row)


def _to_device(row: Row[Any]) -> Device:
    return Device(row.id, row.tenant_id, row.name, row.os, row.site_id)


def _tenant(row: Row[Any], media: MediaRegister) -> Tenant:
    return Tenant(
        row.id,
        row.name,
        row.zone,
        row.language,
        msgspec.convert(row.work_hours, WorkHours),
        placeholders={name: tuple(values) for name, values in row.placeholders.items()},
        media=media,
    )


def _check_language(name: str, language: str) -> None:
    if language not in LANGUAGES:
        raise Misconfigured(f"{name!r}: language {language!r} is not one of {', '.join(sorted(LANGUAGES))}")
