"""The counters of the whole centre as one object: what `jikimi status --json` prints and /v1/admin/status answers."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, FromClause, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from jikimi.domain.event import format_time
from jikimi.domain.incident import IncidentStatus
from jikimi.domain.risk import RiskLevel
from jikimi.domain.scope import TenantScope
from jikimi.storage import counters
from jikimi.storage.database import Database
from jikimi.storage.events import EventStore
from jikimi.storage.schema import (
    agents,
    findings,
    incidents,
    notifications,
    rule_exceptions,
    rule_quarantine,
    rule_stages,
    rule_workers,
)
from jikimi.stream.port import EVENTS, EventLog

GROUPS = ("detector", "archive")
SILENT_AFTER = timedelta(minutes=3)
NOTIFICATION_STATES = (
    "pending",
    "sending",
    "accepted",
    "delivered",
    "failed",
    "unknown",
    "suppressed",
    "bundled",
)


async def read_status(
    database: Database, log: EventLog | None, store: EventStore | None, now: datetime
) -> dict[str, Any]:
    """`lag` counts log records by group; without a log it is empty. Without a store the archive's own count is told.

    An agent is silent when it was not heard for three minutes, or never; revoked agents and replays are no agents here.
    """
    async with database.read() as connection:
        counted = await counters.totals(connection)
        status = {
            "generated_at": format_time(now),
            "events_accepted": counted.get("events_accepted", 0),
            "duplicates_cut": counted.get("duplicates_cut", 0) + counted.get("log_duplicates_cut", 0),
            "events_stored": counted.get("events_stored", 0),
            "dead_lettered": counted.get("dead_lettered", 0),
            "findings": await _count(connection, findings),
            "incidents": await _incidents(connection),
            "incidents_by_risk": await _incidents_by_risk(connection),
            "notifications": await _by(connection, notifications.c.state, NOTIFICATION_STATES),
            "rules": await _rules(connection, counted, now),
            "lag": {},
            "agents": await _agents(connection, now),
        }
    if store is not None:
        status["events_stored"] = await store.count(TenantScope.every_tenant())
    if log is not None:
        status["lag"] = {group: sum((await log.lag(group, EVENTS)).values()) for group in GROUPS}
    return status


async def _incidents(connection: AsyncConnection) -> dict[str, int]:
    by_status = await _by(connection, incidents.c.status, tuple(IncidentStatus))
    return {"total": sum(by_status.values()), **by_status}


async def _incidents_by_risk(connection: AsyncConnection) -> dict[str, int]:
    by_risk = await _by(connection, incidents.c.risk, ())
    return {level.name: by_risk.get(str(level.value), 0) for level in RiskLevel}


async def _rules(connection: AsyncConnection, counted: dict[str, int], now: datetime) -> dict[str, Any]:
    """What is watched with, and what was kept from being told: nothing of it is silent."""
    worker = (await connection.execute(select(rule_workers).order_by(rule_workers.c.at.desc()).limit(1))).one_or_none()
    in_force = (rule_exceptions.c.withdrawn_at.is_(None), rule_exceptions.c.expires_at > now)
    return {
        "loaded": worker.rules if worker else 0,
        "refused": worker.refused if worker else 0,
        "bundle_version": worker.bundle_version if worker else 0,
        "reload_error": worker.error if worker else "",
        "draft": await _count(connection, rule_stages, rule_stages.c.stage == "draft"),
        "shadow": await _count(connection, rule_stages, rule_stages.c.stage == "shadow"),
        "quarantined": await _count(connection, rule_quarantine),
        "overflow": await _sum(connection, rule_quarantine.c.overflow),
        "exceptions": await _count(connection, rule_exceptions, *in_force),
        "suppressed": await _sum(connection, rule_exceptions.c.suppressed),
        "groups_given_up": counted.get("groups_given_up", 0),
        "events_too_late": counted.get("events_too_late", 0),
    }


async def _sum(connection: AsyncConnection, column: ColumnElement[int]) -> int:
    return int((await connection.execute(select(func.coalesce(func.sum(column), 0)))).scalar_one())


async def _agents(connection: AsyncConnection, now: datetime) -> dict[str, int]:
    real = (agents.c.kind == "agent", agents.c.revoked_at.is_(None))
    quiet = or_(agents.c.last_seen.is_(None), agents.c.last_seen < now - SILENT_AFTER)
    return {"total": await _count(connection, agents, *real), "silent": await _count(connection, agents, *real, quiet)}


async def _count(connection: AsyncConnection, table: FromClause, *conditions: ColumnElement[bool]) -> int:
    result = await connection.execute(select(func.count()).select_from(table).where(*conditions))
    return int(result.scalar_one())


async def _by(connection: AsyncConnection, column: ColumnElement[Any], expected: tuple[str, ...]) -> dict[str, int]:
    """Rows by value; what is expected is named even when there is none."""
    rows = await connection.execute(select(column, func.count()).group_by(column))
    return {**dict.fromkeys(expected, 0), **{str(value): int(n) for value, n in rows}}
