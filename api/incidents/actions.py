"""What an analyst does to an incident: each in one transaction with its history, its change row and, on closing, the
message to the client.

Optimistic lock: the caller says which version it saw. When a person changed the incident after that, or its risk rose,
the caller gets `Overtaken`, which says who did what. Findings that detectors merely add raise the version many times a
second during an attack; they overtake nobody, or nobody could ever act. So every change by a person carries the version
it made in its history entry's `detail`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.incidents.scoping import within
from api.users import User
from jikimi.domain.incident import HistoryKind, IncidentStatus, Verdict
from jikimi.domain.scope import TenantScope
from jikimi.errors import JikimiError
from jikimi.storage.schema import changes, incident_history, incident_keys, incidents, outbox, users


class NotThere(JikimiError):
    """No such incident in the caller's scope."""


class NotPossible(JikimiError):
    """The incident's state does not allow this action; the text says why."""


class Overtaken(JikimiError):
    """Someone changed the incident meanwhile: `by` (a name), `kind` (what they did, a HistoryKind), `at`."""

    def __init__(self, by: str, kind: str, at: datetime, version: int) -> None:
        super().__init__(f"{by} changed this incident meanwhile")
        self.by, self.kind, self.at, self.version = by, kind, at, version


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts, within which scope, when, on which incident as they saw it (None: whatever it is now)."""

    connection: AsyncConnection
    user: User
    scope: TenantScope
    now: datetime
    incident_id: str
    version: int | None
    risk: int | None = None


async def acknowledge(acting: Acting) -> None:
    """`new` → `acknowledged`. Nothing is sent to the client."""
    incident = await _load(acting)
    if incident.status != IncidentStatus.new:
        raise NotPossible("It has been acknowledged already.")
    await _change(acting, incident, HistoryKind.acknowledged, _acknowledged(acting), {})


async def assign(acting: Acting, owner: User | None) -> None:
    """Give it to a colleague, to oneself (which acknowledges it too), or to nobody."""
    incident = await _load(acting)
    if incident.status == IncidentStatus.closed:
        raise NotPossible("It is closed; reopen it first.")
    values: dict[str, Any] = {"owner_id": owner.id if owner else None}
    if owner is not None and owner.id == acting.user.id and incident.status == IncidentStatus.new:
        values |= _acknowledged(acting)
    detail = {"owner": owner.name if owner else "", "owner_login": owner.login if owner else ""}
    await _change(acting, incident, HistoryKind.assigned, values, detail)


async def note(acting: Acting, text: str) -> None:
    """Write down what was seen or done. Never overtakes anyone, so it needs no version."""
    incident = await _load(acting)
    await _change(acting, incident, HistoryKind.noted, {}, {"text": text})


async def close(acting: Acting, verdict: Verdict, text: str, *, tell: bool) -> None:
    """End it with a verdict; with `tell` the client is told that it ended."""
    incident = await _load(acting)
    if incident.status == IncidentStatus.closed:
        raise NotPossible("It is closed already.")
    values = {"status": IncidentStatus.closed.value, "verdict": verdict.value, "closed_at": acting.now}
    if incident.acknowledged_at is None:
        values["acknowledged_at"] = acting.now
    await _change(acting, incident, HistoryKind.closed, values, {"verdict": verdict.value, "text": text, "told": tell})
    # what comes later under the same device, user or rule is a new incident
    await acting.connection.execute(delete(incident_keys).where(incident_keys.c.incident_id == incident.id))
    if tell:
        await acting.connection.execute(
            outbox.insert().values(
                id=uuid4().hex,
                tenant_id=incident.tenant_id,
                incident_id=incident.id,
                kind="closed",
                risk=incident.risk,
                title_ko=incident.title_ko,
                title_en=incident.title_en,
                dedup_key=f"{incident.id}:closed:{incident.version + 1}",
                created_at=acting.now,
            )
        )


async def reopen(acting: Acting) -> None:
    """Take a closed incident up again. Nothing is sent to the client."""
    incident = await _load(acting)
    if incident.status != IncidentStatus.closed:
        raise NotPossible("It is open.")
    values = {"status": IncidentStatus.acknowledged.value, "verdict": "", "closed_at": None}
    await _change(acting, incident, HistoryKind.reopened, values, {})


def _acknowledged(acting: Acting) -> dict[str, Any]:
    return {"status": IncidentStatus.acknowledged.value, "acknowledged_at": acting.now}


async def _load(acting: Acting) -> Row[Any]:
    query = select(incidents).where(incidents.c.id == acting.incident_id, within(incidents.c.tenant_id, acting.scope))
    incident = (await acting.connection.execute(query)).one_or_none()
    if incident is None:
        raise NotThere("There is no such incident.")
    overtaken = await _overtaken(acting, incident)
    if overtaken is not None:
        raise overtaken
    return incident


async def _overtaken(acting: Acting, incident: Row[Any]) -> Overtaken | None:
    if acting.version is None or incident.version == acting.version:
        return None
    query = (
        select(incident_history, users.c.name)
        .outerjoin(users, users.c.login == incident_history.c.actor)
        .where(incident_history.c.incident_id == incident.id)
        .order_by(incident_history.c.id.desc())
        .limit(100)
    )
    for entry in await acting.connection.execute(query):
        rose = entry.kind == HistoryKind.raised and acting.risk is not None and incident.risk > acting.risk
        if rose or entry.detail.get("version", 0) > acting.version:
            return Overtaken(entry.name or entry.actor, entry.kind, entry.at, incident.version)
    return None


async def _change(
    acting: Acting, incident: Row[Any], kind: HistoryKind, values: Mapping[str, Any], detail: Mapping[str, Any]
) -> None:
    changed = await acting.connection.execute(
        update(incidents)
        .where(incidents.c.id == incident.id, incidents.c.version == incident.version)
        .values(version=incident.version + 1, updated_at=acting.now, **values)
    )
    if changed.rowcount != 1:  # PostgreSQL: another transaction committed between the read and this write
        raise Overtaken("jikimi", HistoryKind.noted, acting.now, incident.version + 1)
    await acting.connection.execute(
        incident_history.insert().values(
            tenant_id=incident.tenant_id,
            incident_id=incident.id,
            at=acting.now,
            actor=acting.user.login,
            kind=kind.value,
            detail={**detail, "version": incident.version + 1},
        )
    )
    await acting.connection.execute(
        changes.insert().values(tenant_id=incident.tenant_id, incident_id=incident.id, kind="incident", at=acting.now)
    )
