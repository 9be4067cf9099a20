"""The header's figures: is anything coming in, from whom, and does it get through."""

from collections import deque
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.incidents.scoping import within
from jikimi.domain.scope import TenantScope
from jikimi.storage.schema import agent_spools, agents, counters, devices, tenants

SILENT_AFTER = timedelta(minutes=3)
"""An agent sends a heartbeat every minute or oftener; three missed ones are silence."""
RATE_OVER = timedelta(seconds=10)
MOST_SILENT_NAMED = 50


class SilentAgent(msgspec.Struct, frozen=True):
    tenant: str
    device: str
    last_seen: datetime | None


class Pulse(msgspec.Struct, frozen=True):
    """`agents` counts installed agents that should speak, `silent` those that do not; replays are neither.

    `last_event_at` is when the last accepted event arrived, `senders` from how many devices within the last hour.
    """

    now: datetime
    events_per_second: float
    events_total: int
    agents: int
    silent: int
    silent_agents: list[SilentAgent]
    last_event_at: datetime | None
    senders: int
    tenants: int
    lag: dict[str, int]


class Rate:
    """Events a second over the last ten seconds, from readings of a rising counter."""

    def __init__(self) -> None:
        self._readings: deque[tuple[datetime, int]] = deque()

    def read(self, now: datetime, total: int) -> float:
        self._readings.append((now, total))
        while len(self._readings) > 2 and now - self._readings[1][0] >= RATE_OVER:
            self._readings.popleft()
        then, before = self._readings[0]
        seconds = (now - then).total_seconds()
        return max(0.0, (total - before) / seconds) if seconds > 0 else 0.0


async def load_pulse(
    connection: AsyncConnection, scope: TenantScope, now: datetime, rate: Rate, lag: dict[str, int]
) -> Pulse:
    total = await _accepted(connection, scope)
    speaking = (
        select(agents.c.last_seen, tenants.c.name.label("tenant"), devices.c.name.label("device"))
        .join(tenants, tenants.c.id == agents.c.tenant_id)
        .join(devices, devices.c.id == agents.c.device_id)
        .where(agents.c.kind == "agent", agents.c.revoked_at.is_(None), within(agents.c.tenant_id, scope))
    )
    known = (await connection.execute(speaking)).all()
    silent = [row for row in known if row.last_seen is None or now - row.last_seen > SILENT_AFTER]
    last = await _one(connection, select(func.max(agent_spools.c.updated_at)), scope)
    senders = select(func.count(agent_spools.c.agent_id.distinct())).where(
        agent_spools.c.updated_at > now - timedelta(hours=1)
    )
    watched = select(func.count()).select_from(tenants).where(within(tenants.c.id, scope))
    return Pulse(
        now=now,
        events_per_second=rate.read(now, total),
        events_total=total,
        agents=len(known),
        silent=len(silent),
        silent_agents=[SilentAgent(row.tenant, row.device, row.last_seen) for row in silent[:MOST_SILENT_NAMED]],
        last_event_at=last,
        senders=await _one(connection, senders, scope) or 0,
        tenants=(await connection.execute(watched)).scalar_one(),
        lag=lag,
    )


async def _accepted(connection: AsyncConnection, scope: TenantScope) -> int:
    query = select(func.coalesce(func.sum(counters.c.value), 0)).where(
        counters.c.name == "events_accepted", within(counters.c.tenant_id, scope)
    )
    return int((await connection.execute(query)).scalar_one())


async def _one(connection: AsyncConnection, query: Any, scope: TenantScope) -> Any:
    return (await connection.execute(query.where(within(agent_spools.c.tenant_id, scope)))).scalar_one()
