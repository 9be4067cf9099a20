"""What the centre decided for agents: for a whole company, and for single devices over it. Every change raises the
version of the company's configuration."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from jikimi.domain.agent_config import checked, merged
from jikimi.errors import Misconfigured
from jikimi.storage.passports import raise_config_version
from jikimi.storage.schema import agent_settings, devices

COMPANY = ""
"""In place of a device's id."""


async def load(connection: AsyncConnection, tenant_id: str, device_id: str = COMPANY) -> dict[str, Any]:
    """As set there; {} = nothing."""
    query = select(agent_settings.c.settings).where(
        agent_settings.c.tenant_id == tenant_id, agent_settings.c.device_id == device_id
    )
    found: dict[str, Any] | None = (await connection.execute(query)).scalar_one_or_none()
    return found or {}


async def in_force(connection: AsyncConnection, tenant_id: str, device_id: str) -> dict[str, Any]:
    """The company's with the device's own over them."""
    return merged(await load(connection, tenant_id), await load(connection, tenant_id, device_id))


async def replace(
    connection: AsyncConnection, tenant_id: str, device_id: str, settings: Mapping[str, Any], *, at: datetime, by: str
) -> dict[str, Any]:
    """Set all of it; {} takes it away. Raises Misconfigured for what the centre may not decide."""
    wanted = checked(settings)
    here = (agent_settings.c.tenant_id == tenant_id, agent_settings.c.device_id == device_id)
    await connection.execute(agent_settings.delete().where(*here))
    if wanted:
        await connection.execute(
            agent_settings.insert().values(
                tenant_id=tenant_id, device_id=device_id, settings=wanted, changed_at=at, changed_by=by
            )
        )
    await raise_config_version(connection, tenant_id)
    return wanted


async def device_named(connection: AsyncConnection, tenant_id: str, named: str) -> str:
    """The id of the company's device with that name or id. Raises Misconfigured when there is none."""
    query = select(devices.c.id).where(
        devices.c.tenant_id == tenant_id, (devices.c.name == named) | (devices.c.id == named)
    )
    found: str | None = (await connection.execute(query)).scalar_one_or_none()
    if found is None:
        raise Misconfigured(f"the company has no device {named!r}; `jikimi admin agent list` shows them")
    return found
