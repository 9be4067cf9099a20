"""Captures asked of agents: asked → uploading → complete → removed (to make room), or failed with the reason."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from jikimi.domain.evidence import EvidenceRequest
from jikimi.domain.scope import TenantScope
from jikimi.errors import Misconfigured
from jikimi.storage import counters
from jikimi.storage.schema import agents, devices, evidence_requests, incidents, tenants

HEARD_WITHIN = timedelta(hours=24)
"""A capture that begins later has nothing to do with why it was asked for."""

FETCHED_WITHIN = timedelta(days=7)
AT_ONCE = 4

_OPEN = ("asked", "uploading")
_table = evidence_requests


async def ask(connection: AsyncConnection, tenant_id: str, agent_id: str, *, at: datetime, **stated: Any) -> str:
    """Its id; `stated` are the columns incident_id asked_by reason before after filter. Raises Misconfigured when the
    agent has as many open requests as it may."""
    mine = (_table.c.agent_id == agent_id, _table.c.state.in_(_OPEN))
    waiting = (await connection.execute(select(func.count()).select_from(_table).where(*mine))).scalar_one()
    if waiting >= AT_ONCE:
        raise Misconfigured(f"the agent has {waiting} open requests; `jikimi admin evidence list` shows them")
    request_id = uuid4().hex
    row = {"id": request_id, "tenant_id": tenant_id, "agent_id": agent_id, "asked_at": at, "changed_at": at}
    await connection.execute(_table.insert().values(**row, state="asked", **stated))
    return request_id


async def agent_of(connection: AsyncConnection, tenant_id: str, *, agent: str | None, device: str | None) -> str:
    """The id of the company's agent with that id, or of the one on that device. Raises Misconfigured for none."""
    query = (
        select(agents.c.id)
        .join(devices, devices.c.id == agents.c.device_id)
        .where(agents.c.tenant_id == tenant_id, agents.c.revoked_at.is_(None), agents.c.kind == "agent")
        .where(agents.c.id == agent if agent else devices.c.name == device)
        .order_by(agents.c.enrolled_at.desc())
    )
    found: str | None = (await connection.execute(query.limit(1))).scalar_one_or_none()
    if found is None:
        raise Misconfigured(f"the company has no agent {agent or device!r}; `jikimi admin agent list` shows them")
    return found


async def incident_of(connection: AsyncConnection, tenant_id: str, named: str) -> str:
    """The id of the company's incident with that id or number. Raises Misconfigured for none."""
    number = int(named.lstrip("#")) if named.lstrip("#").isdecimal() and len(named) < 10 else -1
    query = select(incidents.c.id).where(
        incidents.c.tenant_id == tenant_id, or_(incidents.c.id == named, incidents.c.number == number)
    )
    found: str | None = (await connection.execute(query)).scalar_one_or_none()
    if found is None:
        raise Misconfigured(f"the company has no incident {named!r}")
    return found


async def waiting(connection: AsyncConnection, agent_id: str, now: datetime) -> tuple[EvidenceRequest, ...]:
    """What the agent has not answered to yet, the oldest first."""
    query = select(_table).where(
        _table.c.agent_id == agent_id, _table.c.state == "asked", _table.c.asked_at > now - HEARD_WITHIN
    )
    rows = await connection.execute(query.order_by(_table.c.asked_at).limit(AT_ONCE))
    return tuple(EvidenceRequest(row.id, row.before, row.after, row.filter, row.reason, row.asked_by) for row in rows)


async def of_agent(connection: AsyncConnection, agent_id: str, request_id: str) -> dict[str, Any] | None:
    query = select(_table).where(_table.c.id == request_id, _table.c.agent_id == agent_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else dict(row)


async def change(connection: AsyncConnection, request_id: str, *, at: datetime, **values: Any) -> None:
    """An open request becomes what `values` say; one that ended stays."""
    here = (_table.c.id == request_id, _table.c.state.in_(_OPEN))
    await connection.execute(_table.update().where(*here).values(changed_at=at, **values))


async def expire(connection: AsyncConnection, now: datetime) -> list[tuple[str, str]]:
    """(company, request) of what took too long; it has failed now."""
    late = or_(
        and_(_table.c.state == "asked", _table.c.asked_at <= now - HEARD_WITHIN),
        and_(_table.c.state == "uploading", _table.c.asked_at <= now - FETCHED_WITHIN),
    )
    rows = (await connection.execute(select(_table.c.tenant_id, _table.c.id, _table.c.state).where(late))).all()
    for row in rows:
        why = "the agent did not answer within a day" if row.state == "asked" else "not all of it came within a week"
        await change(connection, row.id, at=now, state="failed", why=why)
    return [(row.tenant_id, row.id) for row in rows]


async def make_room(connection: AsyncConnection, needed: int, most: int, now: datetime) -> list[tuple[str, str]] | None:
    """(company, request) of the complete captures, the oldest first, that give way to `needed` bytes; each counted.
    None when `most` is not enough even so: nothing is removed then."""
    kept = select(func.coalesce(func.sum(_table.c.bytes), 0)).where(_table.c.state.in_(("uploading", "complete")))
    over = int((await connection.execute(kept)).scalar_one()) + needed - most
    complete = select(_table).where(_table.c.state == "complete").order_by(_table.c.asked_at)
    gone = []
    for row in await connection.execute(complete):
        if over <= 0:
            break
        gone.append(row)
        over -= row.bytes
    if over > 0:
        return None
    for row in gone:
        told = {"state": "removed", "why": "made room for a newer capture", "changed_at": now}
        await connection.execute(_table.update().where(_table.c.id == row.id).values(**told))
        await counters.add(connection, "evidence_removed", row.tenant_id)
    return [(row.tenant_id, row.id) for row in gone]


async def listed(
    connection: AsyncConnection, scope: TenantScope, request_id: str | None = None
) -> Sequence[dict[str, Any]]:
    """With the names of company and device and the incident's number, the newest first."""
    conditions: list[ColumnElement[bool]] = []
    if scope.tenant_ids is not None:
        conditions.append(_table.c.tenant_id.in_(scope.tenant_ids))
    if request_id is not None:
        conditions.append(_table.c.id == request_id)
    query = (
        select(
            _table,
            tenants.c.name.label("tenant"),
            devices.c.name.label("device"),
            incidents.c.number.label("incident"),
        )
        .join(tenants, tenants.c.id == _table.c.tenant_id)
        .join(agents, agents.c.id == _table.c.agent_id)
        .join(devices, devices.c.id == agents.c.device_id)
        .outerjoin(incidents, incidents.c.id == _table.c.incident_id)
        .where(*conditions)
        .order_by(_table.c.asked_at.desc(), _table.c.id)
        .limit(1000)
    )
    return [dict(row) for row in (await connection.execute(query)).mappings()]
