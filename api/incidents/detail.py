"""One incident's page: what was found, what the client was told, what people did, on one time axis."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import orjson
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.incidents.contacts import Reach, load_reach
from api.incidents.messages import Message, load_messages
from api.incidents.rows import QueueRow, load_rows
from api.incidents.scoping import within
from jikimi.domain.risk import RiskLevel
from jikimi.domain.scope import TenantScope
from jikimi.storage.events import StoredEvent
from jikimi.storage.schema import agents, devices, findings, incident_history, incidents, tenants, users

MOST_FINDINGS = 200
MOST_EVENTS = 500


class FindingView(msgspec.Struct, frozen=True):
    id: str
    rule_id: str
    rule_title: str
    level: str
    risk: int
    time: datetime
    logsource: dict[str, str]
    device_id: str
    device_name: str
    user: str
    title_ko: str
    title_en: str
    tags: list[str]
    event: dict[str, Any]
    event_ids: list[str]
    event_count: int


class EventView(msgspec.Struct, frozen=True):
    """One evidence event; `raw` is its canonical JSON text as kept."""

    id: str
    time: datetime
    device: str
    logsource: str
    raw: str


class HistoryView(msgspec.Struct, frozen=True):
    id: int
    at: datetime
    actor: str
    kind: str
    detail: dict[str, Any]


class DeviceView(msgspec.Struct, frozen=True):
    """`last_seen` is the newest sign of its agents; None when it never sent one."""

    id: str
    name: str
    os: str
    first_seen: datetime
    last_seen: datetime | None
    agent_version: str


class PastIncident(msgspec.Struct, frozen=True):
    number: int
    title_ko: str
    title_en: str
    risk: int
    status: str
    verdict: str
    opened_at: datetime


class IncidentDetail(msgspec.Struct, frozen=True):
    row: QueueRow
    zone: str
    score_terms: list[dict[str, Any]]
    devices: list[DeviceView]
    users: list[str]
    findings: list[FindingView]
    findings_total: int
    history: list[HistoryView]
    messages: list[Message]
    reach: list[Reach]
    past: list[PastIncident]


async def find_incident_id(connection: AsyncConnection, scope: TenantScope, number: int) -> str | None:
    query = select(incidents.c.id).where(incidents.c.number == number, within(incidents.c.tenant_id, scope))
    found: str | None = (await connection.execute(query)).scalar_one_or_none()
    return found


async def load_detail(connection: AsyncConnection, scope: TenantScope, incident_id: str) -> IncidentDetail | None:
    """None when there is no such incident in scope."""
    rows = await load_rows(connection, scope, [incident_id])
    if not rows:
        return None
    row = rows[0]
    kept = (
        await connection.execute(
            select(incidents.c.score_terms, incidents.c.users, tenants.c.zone)
            .join(tenants, tenants.c.id == incidents.c.tenant_id)
            .where(incidents.c.id == incident_id)
        )
    ).one()
    found = await _findings(connection, incident_id)
    return IncidentDetail(
        row=row,
        zone=kept.zone,
        score_terms=kept.score_terms,
        devices=await _devices(connection, row.tenant_id, {finding.device_id for finding in found}),
        users=kept.users,
        findings=found,
        findings_total=row.finding_count,
        history=await _history(connection, incident_id),
        messages=await load_messages(connection, scope, incident_id=incident_id),
        reach=await load_reach(connection, row.tenant_id, RiskLevel(row.risk)),
        past=await _past(connection, row, {finding.device_id for finding in found}),
    )


def evidence_ids(found: Sequence[FindingView]) -> list[str]:
    """The events kept as evidence, each once, at most 500."""
    ids = dict.fromkeys(event for finding in found for event in finding.event_ids)
    return list(ids)[:MOST_EVENTS]


def event_views(stored: Iterable[StoredEvent], names: dict[str, str]) -> list[EventView]:
    return [
        EventView(
            id=event.event_id,
            time=event.time,
            device=names.get(event.device_id, ""),
            logsource=str(event.logsource),
            raw=event.raw.decode(errors="replace"),
        )
        for event in stored
    ]


def carried_events(found: Iterable[FindingView], known: set[str]) -> list[EventView]:
    """What the findings carry themselves, for events the archive has not (yet) stored."""
    return [
        EventView(
            id=finding.event_ids[-1] if finding.event_ids else finding.id,
            time=finding.time,
            device=finding.device_name,
            logsource=" ".join(f"{key}={value}" for key, value in finding.logsource.items() if value),
            raw=orjson.dumps(finding.event).decode(),
        )
        for finding in found
        if not known.intersection(finding.event_ids)
    ]


async def _findings(connection: AsyncConnection, incident_id: str) -> list[FindingView]:
    query = (
        select(findings)
        .where(findings.c.incident_id == incident_id)
        .order_by(findings.c.time.desc())
        .limit(MOST_FINDINGS)
    )
    names = FindingView.__struct_fields__
    return [FindingView(**{name: getattr(row, name) for name in names}) for row in await connection.execute(query)][
        ::-1
    ]


async def _history(connection: AsyncConnection, incident_id: str) -> list[HistoryView]:
    query = (
        select(incident_history, users.c.name)
        .outerjoin(users, users.c.login == incident_history.c.actor)
        .where(incident_history.c.incident_id == incident_id)
        .order_by(incident_history.c.id)
    )
    return [
        HistoryView(row.id, row.at, row.name or row.actor, row.kind, row.detail)
        for row in await connection.execute(query)
    ]


async def _devices(connection: AsyncConnection, tenant_id: str, ids: set[str]) -> list[DeviceView]:
    query = (
        select(devices, agents.c.last_seen, agents.c.version)
        .outerjoin(agents, agents.c.device_id == devices.c.id)
        .where(devices.c.id.in_(sorted(ids)), devices.c.tenant_id == tenant_id)
        .order_by(devices.c.name)
    )
    views: dict[str, DeviceView] = {}
    for row in await connection.execute(query):
        known = views.get(row.id)
        if known is None or (
            row.last_seen is not None and (known.last_seen is None or row.last_seen > known.last_seen)
        ):
            views[row.id] = DeviceView(row.id, row.name, row.os, row.first_seen, row.last_seen, row.version or "")
    return list(views.values())


async def _past(connection: AsyncConnection, current: QueueRow, device_ids: set[str]) -> list[PastIncident]:
    """Other incidents of the same devices, newest first."""
    query = (
        select(incidents)
        .join(findings, findings.c.incident_id == incidents.c.id)
        .where(
            findings.c.device_id.in_(sorted(device_ids)),
            incidents.c.tenant_id == current.tenant_id,
            incidents.c.id != current.id,
        )
        .distinct()
        .order_by(incidents.c.opened_at.desc())
        .limit(5)
    )
    return [_past_view(row) for row in await connection.execute(query)]


def _past_view(row: Row[Any]) -> PastIncident:
    return PastIncident(row.number, row.title_ko, row.title_en, row.risk, row.status, row.verdict, row.opened_at)
