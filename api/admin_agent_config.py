"""`/v1/admin/agent-config`: what agents of a company, or one of them, are told to do. On the access record."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access_records import EVERY_TENANT, record_access
from api.admin import Wish, named_tenant
from api.config_keys import ConfigKeys
from api.enrolment import Name
from api.errors import ApiError
from api.guard import require_admin
from api.state import centre
from jikimi.domain.agent_config import merged
from jikimi.storage import agent_settings
from jikimi.storage.agent_settings import COMPANY
from jikimi.storage.passports import config_version, raise_config_version

router = APIRouter(prefix="/v1/admin/agent-config", dependencies=[Depends(require_admin)])


class Settings(Wish):
    """`device` null: the whole company. `settings` replace what was set there; {} takes it away."""

    tenant: str | None = None
    device: Annotated[str, Field(max_length=200)] | None = None
    settings: dict[str, Any]
    by: Name


class NewKey(Wish):
    by: Name


@router.get("")
async def show(request: Request, tenant: str | None = None, device: str | None = None) -> dict[str, Any]:
    """What is set for the company, for the device, and what is in force there."""
    async with centre(request).services.database.read() as connection:
        company = await named_tenant(connection, tenant)
        return await _told(connection, company.id, company.name, device)


@router.put("")
async def replace(request: Request, wish: Settings) -> dict[str, Any]:
    """Agents follow with their next heartbeat."""
    here = centre(request)
    _keys(request)
    async with here.services.database.write() as connection:
        company = await named_tenant(connection, wish.tenant)
        at = COMPANY if wish.device is None else await agent_settings.device_named(connection, company.id, wish.device)
        now = here.services.clock()
        stated = await agent_settings.replace(connection, company.id, at, wish.settings, at=now, by=wish.by)
        what = f"{', '.join(sorted(stated)) or 'nothing'} set for agents of {wish.device or 'the whole company'}"
        await _record(connection, request, company.id, wish.by, what)
        return await _told(connection, company.id, company.name, wish.device)


@router.post("/new-key")
async def new_key(request: Request, wish: NewKey) -> dict[str, Any]:
    """Sign with a fresh key from now on; agents follow from the one they know."""
    here = centre(request)
    key_id = _keys(request).rotate()
    async with here.services.database.write() as connection:
        await raise_config_version(connection, None)
        await _record(connection, request, EVERY_TENANT, wish.by, f"agents' configuration is signed by {key_id}")
    return {"key_id": key_id}


def _keys(request: Request) -> ConfigKeys:
    keys = centre(request).services.config_keys
    if keys is None:
        raise ApiError(503, "unavailable", "this process has no key to sign agents' configuration with")
    return keys


async def _told(connection: AsyncConnection, tenant_id: str, name: str, device: str | None) -> dict[str, Any]:
    company = await agent_settings.load(connection, tenant_id)
    told: dict[str, Any] = {
        "tenant": name,
        "version": await config_version(connection, tenant_id),
        "company": company,
    }
    if device is not None:
        device_id = await agent_settings.device_named(connection, tenant_id, device)
        own = await agent_settings.load(connection, tenant_id, device_id)
        told |= {"device": own, "in_force": merged(company, own)}
    return told


async def _record(connection: AsyncConnection, request: Request, tenant_id: str, who: str, task: str) -> None:
    address = request.client.host if request.client else ""
    at = centre(request).services.clock()
    await record_access(connection, at=at, account=who[:64], address=address, tenant_id=tenant_id, task=task)
