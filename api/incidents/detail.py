"""One incident's page: what was found, what the client was told, what people did, on one time axis."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import orjson
from sqlalchemy import Row, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.incidents.contacts import Reach, load_reach
from api.incidents.messages import Message, load_messages
from api.incidents.rows import QueueRow, load_rows
from api.incidents.scoping import within
from jikimi.domain.risk import RiskLevel
from jikimi.domain.scope import TenantScope
from jikimi.storage.events import StoredEvent
from jikimi.storage.schema import agents, devices, findings, incident_history, incidents, tenants, users

MOST_FINDINGS = 400
EDGE = 20
"""Of each rule the first and the last so many findings are shown, so that one loud rule never hides a quiet one."""
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
    """`last_seen` is the newest sign of its agents; None when it never sent one.

    `id` is empty for a computer that only appears in what another device sent. `sender` marks a device that sent the
    events of other computers: a collector, or a replay.
    """

    id: str
    name: str
    os: str
    last_seen: datetime | None
    agent_version: str
    sender: bool


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
    rule_counts: dict[str, int]
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
            select(incidents.c.score_terms, incidents.c.users, incidents.c.devices, incidents.c.rules, tenants.c.zone)
            .join(tenants, tenants.c.id == incidents.c.tenant_id)
            .where(incidents.c.id == incident_id)
        )
    ).one()
    found = await _findings(connection, incident_id)
    senders = {finding.device_id for finding in found}
    return IncidentDetail(
        row=row,
        zone=kept.zone,
        score_terms=kept.score_terms,
        devices=await _devices(connection, row.tenant_id, kept.devices, senders),
        users=kept.users,
        findings=found,
        findings_total=row.finding_count,
        rule_counts={rule_id: int(rule["count"]) for rule_id, rule in kept.rules.items()},
        history=await _history(connection, incident_id),
        messages=await load_messages(connection, scope, incident_id=incident_id),
        reach=await load_reach(connection, row.tenant_id, RiskLevel(row.risk)),
        past=await _past(connection, row, kept.devices, senders),
    )


def evidence_ids(found: Sequence[FindingView]) -> list[str]:
    """The events kept as evidence, each once, at most 500."""
    ids = dict.fromkeys(event for finding in found for event in finding.event_ids)
    return list(ids)[:MOST_EVENTS]


def event_views(
    stored: Iterable[StoredEvent], names: dict[str, str], found: Iterable[FindingView] = ()
) -> list[EventView]:
    """Named after the computer that `found` says it was on; else after the device that sent it, from `names`."""
    happened_on = {event: finding.device_name for finding in found for event in finding.event_ids}
    return [
        EventView(
            id=event.event_id,
            time=event.time,
            device=happened_on.get(event.event_id) or names.get(event.device_id, ""),
            logsource=str(event.logsource),
            raw=event.raw.decode(errors="replace"),
        )
        for event in stored
    ]


def carried_events(found: Iterable[FindingView], known: set[str]) -> list[EventView]:
    """The newest event of each finding as the finding carries it, where the archive has not (yet) stored it."""
    missing: dict[str, EventView] = {}
    for finding in found:
        newest = finding.event_ids[-1] if finding.event_ids else finding.id
        if newest not in known:
            missing.setdefault(newest, _carried(newest, finding))
    return list(missing.values())


def _carried(event_id: str, finding: FindingView) -> EventView:
    return EventView(
        id=event_id,
        time=finding.time,
        device=finding.device_name,
        logsource=" ".join(f"{key}={value}" for key, value in finding.logsource.items() if value),
        raw=orjson.dumps(finding.event).decode(),
    )


async def _findings(connection: AsyncConnection, incident_id: str) -> list[FindingView]:
    """In time order: the edges of every rule's findings; when even those are too many, the outermost."""
    rule, in_time = findings.c.rule_id, (findings.c.time, findings.c.id)
    ranked = (
        select(
            findings.c.id,
            func.row_number().over(partition_by=rule, order_by=in_time).label("nth"),
            func.count().over(partition_by=rule).label("of"),
        )
        .where(findings.c.incident_id == incident_id)
        .subquery()
    )
    to_end = ranked.c.of - ranked.c.nth
    query = (
        select(findings)
        .join(ranked, ranked.c.id == findings.c.id)
        .where(or_(ranked.c.nth <= EDGE, to_end < EDGE))
        .order_by(case((ranked.c.nth <= to_end, ranked.c.nth), else_=to_end))
        .limit(MOST_FINDINGS)
    )
    names = FindingView.__struct_fields__
    rows = await connection.execute(query)
    shown = [FindingView(**{name: getattr(row, name) for name in names}) for row in rows]
    return sorted(shown, key=lambda finding: (finding.time, finding.id))


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


async def _devices(
    connection: AsyncConnection, tenant_id: str, names: Sequence[str], senders: set[str]
) -> list[DeviceView]:
    """The incident's own computers in the order they came into it, then who else sent their events."""
    query = (
        select(devices, agents.c.last_seen, agents.c.version)
        .outerjoin(agents, agents.c.device_id == devices.c.id)
        .where(devices.c.tenant_id == tenant_id, or_(devices.c.id.in_(sorted(senders)), devices.c.name.in_(names)))
        .order_by(devices.c.name)
    )
    views: dict[str, DeviceView] = {}
    for row in await connection.execute(query):
        known = views.get(row.name)
        if known is None or (
            row.last_seen is not None and (known.last_seen is None or row.last_seen > known.last_seen)
        ):
            version = row.version or ""
            views[row.name] = DeviceView(row.id, row.name, row.os, row.last_seen, version, row.name not in names)
    own = [views.get(name) or DeviceView("", name, "", None, "", sender=False) for name in names]
    return [*own, *(view for view in views.values() if view.sender)]


async def _past(
    connection: AsyncConnection, current: QueueRow, names: Sequence[str], senders: set[str]
) -> list[PastIncident]:
    """Other incidents of the same computers, newest first."""
    query = (
        select(incidents)
        .join(findings, findings.c.incident_id == incidents.c.id)
        .where(
            findings.c.device_id.in_(sorted(senders)),
            findings.c.device_name.in_(names),
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
