"""Every message to a client with its state and its attempts, the contact's address masked."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.incidents.masking import mask_link, mask_mail, mask_phone
from api.incidents.scoping import within
from jikimi.domain.scope import TenantScope
from jikimi.storage.schema import contacts, deliveries, incidents, notifications, outbox, tenants

PAGE = 100


class Attempt(msgspec.Struct, frozen=True):
    """`outcome` is accepted | delivered | transient | refused | unknown; `detail` the provider's own words."""

    at: datetime
    provider: str
    outcome: str
    detail: str


class Message(msgspec.Struct, frozen=True):
    """One message to one contact on one channel (sms | mail); `kind` is opened | raised | closed."""

    id: str
    tenant_id: str
    tenant: str
    incident_id: str
    incident: int
    title_ko: str
    title_en: str
    kind: str
    risk: int
    channel: str
    contact: str
    address: str
    state: str
    subject: str
    body: str
    provider: str
    attempts: int
    next_attempt_at: datetime
    last_error: str
    created_at: datetime
    updated_at: datetime
    tried: list[Attempt]


async def load_messages(
    connection: AsyncConnection,
    scope: TenantScope,
    *,
    incident_id: str | None = None,
    state: str | None = None,
    before: datetime | None = None,
) -> list[Message]:
    """Newest first, at most 100; `before` gives the page that follows."""
    query = (
        select(
            notifications,
            tenants.c.name.label("tenant"),
            incidents.c.number,
            outbox.c.kind,
            outbox.c.title_ko,
            outbox.c.title_en,
            contacts.c.name.label("contact"),
            contacts.c.email,
            contacts.c.phone,
        )
        .join(tenants, tenants.c.id == notifications.c.tenant_id)
        .join(incidents, incidents.c.id == notifications.c.incident_id)
        .join(outbox, outbox.c.id == notifications.c.outbox_id)
        .join(contacts, contacts.c.id == notifications.c.contact_id)
        .where(within(notifications.c.tenant_id, scope))
        .order_by(notifications.c.created_at.desc(), notifications.c.id)
        .limit(PAGE)
    )
    if incident_id is not None:
        query = query.where(notifications.c.incident_id == incident_id)
    if state is not None:
        query = query.where(notifications.c.state == state)
    if before is not None:
        query = query.where(notifications.c.created_at < before)
    rows = (await connection.execute(query)).all()
    tried = await _attempts(connection, [row.id for row in rows])
    return [
        Message(
            id=row.id,
            tenant_id=row.tenant_id,
            tenant=row.tenant,
            incident_id=row.incident_id,
            incident=row.number,
            title_ko=row.title_ko,
            title_en=row.title_en,
            kind=row.kind,
            risk=row.risk,
            channel=row.channel,
            contact=row.contact,
            address=mask_phone(row.phone) if row.channel == "sms" else mask_mail(row.email),
            state=row.state,
            subject=row.subject,
            body=mask_link(row.body),
            provider=row.provider,
            attempts=row.attempts,
            next_attempt_at=row.next_attempt_at,
            last_error=row.last_error,
            created_at=row.created_at,
            updated_at=row.updated_at,
            tried=tried[row.id],
        )
        for row in rows
    ]


async def count_by_state(connection: AsyncConnection, scope: TenantScope) -> dict[str, int]:
    query = (
        select(notifications.c.state, func.count())
        .where(within(notifications.c.tenant_id, scope))
        .group_by(notifications.c.state)
    )
    return {state: int(n) for state, n in await connection.execute(query)}


async def _attempts(connection: AsyncConnection, ids: Sequence[str]) -> defaultdict[str, list[Attempt]]:
    found: defaultdict[str, list[Attempt]] = defaultdict(list)
    query = select(deliveries).where(deliveries.c.notification_id.in_(ids)).order_by(deliveries.c.id)
    for row in await connection.execute(query):
        found[row.notification_id].append(Attempt(row.at, row.provider, row.outcome, row.detail))
    return found
