"""What alerting writes beside its own tables, always in the transaction of what happened."""

from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from jikimi.domain.incident import HistoryKind
from jikimi.storage.schema import changes, deliveries, incident_history, incidents

ACTOR = "jikimi"


async def note_change(connection: AsyncConnection, tenant_id: str, incident_id: str, now: datetime) -> None:
    """Wakes the live console."""
    await connection.execute(
        changes.insert().values(tenant_id=tenant_id, incident_id=incident_id, kind="notice", at=now)
    )


async def add_history(
    connection: AsyncConnection, tenant_id: str, incident_id: str, now: datetime, detail: dict[str, Any]
) -> None:
    """A `notified` entry; `detail` is {"notification_id", "channel", "contact", "state", "reason"?}."""
    await _add(connection, tenant_id, incident_id, now, HistoryKind.notified, detail)


async def add_note(connection: AsyncConnection, tenant_id: str, incident_id: str, now: datetime, text: str) -> None:
    """A `noted` entry, which the analyst reads on the incident's page."""
    await _add(connection, tenant_id, incident_id, now, HistoryKind.noted, {"text": text})


async def _add(
    connection: AsyncConnection,
    tenant_id: str,
    incident_id: str,
    now: datetime,
    kind: HistoryKind,
    detail: dict[str, Any],
) -> None:
    await connection.execute(
        incident_history.insert().values(
            tenant_id=tenant_id,
            incident_id=incident_id,
            at=now,
            actor=ACTOR,
            kind=kind.value,
            detail=detail,
        )
    )


async def add_delivery(
    connection: AsyncConnection,
    tenant_id: str,
    notification_id: str,
    now: datetime,
    *,
    provider: str,
    outcome: str,
    detail: str,
) -> None:
    """One attempt or one receipt; `outcome` is accepted, delivered, transient, refused or unknown."""
    await connection.execute(
        deliveries.insert().values(
            tenant_id=tenant_id,
            notification_id=notification_id,
            at=now,
            provider=provider,
            outcome=outcome,
            detail=detail,
        )
    )


async def mark_told(connection: AsyncConnection, incident_id: str, now: datetime) -> None:
    """The first message that a provider accepted; later ones change nothing."""
    await connection.execute(
        update(incidents)
        .where(incidents.c.id == incident_id, incidents.c.told_at.is_(None))
        .values(told_at=now, updated_at=now, version=incidents.c.version + 1)
    )
