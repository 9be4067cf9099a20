"""The queue's rows: every open incident, and what was closed within the last day."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Row, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.incidents.deadlines import Deadline, next_deadline
from api.incidents.scoping import within
from jikimi.domain.incident import IncidentStatus
from jikimi.domain.risk import RiskLevel
from jikimi.domain.scope import TenantScope
from jikimi.storage.schema import answer_links, incidents, notifications, tenants, users

CLOSED_SHOWN = timedelta(hours=24)
MOST_ROWS = 5000


class QueueRow(msgspec.Struct, frozen=True):
    """One line of the queue. Times are RFC 3339; `answer` is the client's last answer (ours | help | call) or ""."""

    id: str
    number: int
    version: int
    tenant_id: str
    tenant: str
    title_ko: str
    title_en: str
    risk: int
    score: int
    status: str
    verdict: str
    owner_id: str | None
    owner: str
    first_time: datetime
    last_time: datetime
    opened_at: datetime
    updated_at: datetime
    told_at: datetime | None
    acknowledged_at: datetime | None
    client_answered_at: datetime | None
    closed_at: datetime | None
    finding_count: int
    event_count: int
    answer: str
    failed_notices: int
    deadline: Deadline | None


_COLUMNS = (
    incidents,
    tenants.c.name.label("tenant"),
    users.c.name.label("owner"),
)


async def load_queue(connection: AsyncConnection, scope: TenantScope, now: datetime) -> list[QueueRow]:
    """Worst first, then newest."""
    shown = or_(incidents.c.status != IncidentStatus.closed, incidents.c.closed_at > now - CLOSED_SHOWN)
    query = (
        _select()
        .where(shown, within(incidents.c.tenant_id, scope))
        .order_by(incidents.c.risk.desc(), incidents.c.opened_at.desc())
        .limit(MOST_ROWS)
    )
    return await _rows(connection, (await connection.execute(query)).all())


async def load_rows(connection: AsyncConnection, scope: TenantScope, ids: Sequence[str]) -> list[QueueRow]:
    """The named incidents that lie in scope."""
    query = _select().where(incidents.c.id.in_(ids), within(incidents.c.tenant_id, scope))
    return await _rows(connection, (await connection.execute(query)).all())


def _select() -> Any:
    return (
        select(*_COLUMNS)
        .join(tenants, tenants.c.id == incidents.c.tenant_id)
        .outerjoin(users, users.c.id == incidents.c.owner_id)
    )


async def _rows(connection: AsyncConnection, found: Sequence[Row[Any]]) -> list[QueueRow]:
    ids = [row.id for row in found]
    answers = await _answers(connection, ids)
    failed = await _failed_notices(connection, ids)
    return [_row(row, answers.get(row.id, ""), failed.get(row.id, 0)) for row in found]


def _row(row: Row[Any], answer: str, failed: int) -> QueueRow:
    return QueueRow(
        id=row.id,
        number=row.number,
        version=row.version,
        tenant_id=row.tenant_id,
        tenant=row.tenant,
        title_ko=row.title_ko,
        title_en=row.title_en,
        risk=row.risk,
        score=row.score,
        status=row.status,
        verdict=row.verdict,
        owner_id=row.owner_id,
        owner=row.owner or "",
        first_time=row.first_time,
        last_time=row.last_time,
        opened_at=row.opened_at,
        updated_at=row.updated_at,
        told_at=row.told_at,
        acknowledged_at=row.acknowledged_at,
        client_answered_at=row.client_answered_at,
        closed_at=row.closed_at,
        finding_count=row.finding_count,
        event_count=row.event_count,
        answer=answer,
        failed_notices=failed,
        deadline=next_deadline(
            RiskLevel(row.risk),
            opened_at=row.opened_at,
            told_at=row.told_at,
            acknowledged_at=row.acknowledged_at,
            closed_at=row.closed_at,
        ),
    )


async def _answers(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in _parts(ids):
        query = (
            select(answer_links.c.incident_id, answer_links.c.answer)
            .where(answer_links.c.incident_id.in_(part), answer_links.c.used_at.is_not(None))
            .order_by(answer_links.c.used_at)
        )
        found.update({row.incident_id: row.answer for row in await connection.execute(query)})
    return found


async def _failed_notices(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in _parts(ids):
        query = (
            select(notifications.c.incident_id, func.count())
            .where(notifications.c.incident_id.in_(part), notifications.c.state == "failed")
            .group_by(notifications.c.incident_id)
        )
        found.update({incident: int(n) for incident, n in await connection.execute(query)})
    return found


def _parts(ids: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))
