"""Which agents were last heard when, and which silence was told."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from jikimi.domain.silence import Heard
from jikimi.errors import Misconfigured
from jikimi.storage.schema import agents, devices


async def load_heard(connection: AsyncConnection) -> list[Heard]:
    """Every agent of every company that is not revoked; replays are no agents here."""
    query = (
        select(
            agents.c.id,
            agents.c.tenant_id,
            agents.c.device_id,
            devices.c.name,
            devices.c.always_on,
            agents.c.health,
            agents.c.silent_since,
            func.coalesce(agents.c.last_seen, agents.c.enrolled_at).label("last"),
        )
        .join(devices, devices.c.id == agents.c.device_id)
        .where(agents.c.kind == "agent", agents.c.revoked_at.is_(None))
        .order_by(agents.c.tenant_id, devices.c.name)
    )
    return [
        Heard(
            agent_id=row.id,
            tenant_id=row.tenant_id,
            device_id=row.device_id,
            device=row.name,
            last=row.last,
            always_on=row.always_on,
            stopped=bool((row.health or {}).get("stopped")),
            told_since=row.silent_since,
        )
        for row in await connection.execute(query)
    ]


async def note(connection: AsyncConnection, agent_id: str, since: datetime | None) -> None:
    """The silence after `since` was told; None: it is over."""
    await connection.execute(agents.update().where(agents.c.id == agent_id).values(silent_since=since))


async def expect(connection: AsyncConnection, tenant_id: str, device: str, *, always_on: bool) -> None:
    """Whether the device should be on at any hour. Raises Misconfigured when the company has none of that name."""
    changed = await connection.execute(
        devices.update()
        .where(devices.c.tenant_id == tenant_id, (devices.c.name == device) | (devices.c.id == device))
        .values(always_on=always_on)
    )
    if not changed.rowcount:
        raise Misconfigured(f"the company has no device {device!r}; `jikimi admin agent list` shows them")
