"""Which notifications to send now, taken under a lease; and how an attempt's result is written down.

Every function runs in one transaction. A row is only ever written by the holder of its lease: `settle` writes where
state, attempts and lease are still those of the attempt, so a sender that came back too late changes nothing.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.channels.port import Kind, OutgoingMessage
from alerting.policy import CONTACT_LIMITS, REMEMBER, Send, Waiting, plan
from alerting.record import add_delivery, add_history, mark_told, note_change
from alerting.rendering import Rendered, with_others
from alerting.sms_text import sms_text
from alerting.states import State, Step
from jikimi.domain.risk import RiskLevel
from jikimi.storage.schema import contacts, deliveries, notifications, outbox

AT_ONCE = 200
_TOKEN = re.compile(r"/k/[A-Za-z0-9_-]{12,22}")
_LINK = re.compile(r"\S+/k/[A-Za-z0-9_-]{12,22}")
_SPENT = "/k/…"


@dataclass(frozen=True, slots=True)
class Job:
    """One notification that this process holds, as it was when taken."""

    id: str
    tenant_id: str
    incident_id: str
    kind: Kind
    contact: str
    provider: str
    ref: str
    attempts: int
    since: datetime
    lease_until: datetime | None
    message: OutgoingMessage


async def take(
    connection: AsyncConnection, now: datetime, *, lease: timedelta, provider_of: dict[Kind, tuple[str, int]]
) -> list[Job]:
    """Plan what is due, contact by contact, and take it under lease.

    `provider_of` names for each kind the provider to use now and how many messages it may take; kinds that are not
    in it stay where they are.
    """
    due = await connection.execute(
        _selected()
        .where(notifications.c.state == State.pending, notifications.c.next_attempt_at <= now)
        .where(notifications.c.channel.in_(provider_of))
        .order_by(notifications.c.risk.desc(), notifications.c.created_at)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True, of=notifications)
    )
    queues: dict[tuple[str, Kind], list[Row[Any]]] = defaultdict(list)
    for row in due:
        queues[row.contact_id, row.channel].append(row)
    room = {kind: count for kind, (_, count) in provider_of.items()}
    jobs = []
    for (contact_id, kind), rows in queues.items():
        sent = await _sent_times(connection, contact_id, kind, now)
        decided = plan([_waiting(row) for row in rows], sent, CONTACT_LIMITS[kind], now)
        by_id = {row.id: row for row in rows}
        if decided.waits and decided.wait_until:
            await _write(connection, decided.waits, next_attempt_at=decided.wait_until)
        for send in decided.sends[: room[kind]]:
            provider = provider_of[kind][0]
            jobs.append(await _lease(connection, by_id, send, provider, now, now + lease))
        room[kind] = max(0, room[kind] - len(decided.sends))
    return jobs


async def lost(connection: AsyncConnection, now: datetime) -> list[Job]:
    """Attempts whose sender never came back."""
    rows = await connection.execute(
        _selected().where(notifications.c.state == State.sending, notifications.c.lease_until <= now).limit(AT_ONCE)
    )
    return [_job(row) for row in rows]


async def to_ask(connection: AsyncConnection, now: datetime) -> list[Job]:
    """Accepted and unknown messages whose provider is to be asked now."""
    rows = await connection.execute(
        _selected()
        .where(
            notifications.c.state.in_([State.accepted, State.unknown]),
            notifications.c.next_attempt_at <= now,
            notifications.c.channel == "sms",  # SMTP has nothing to ask
        )
        .order_by(notifications.c.next_attempt_at)
        .limit(20)
    )
    return [_job(row) for row in rows]


async def settle(
    connection: AsyncConnection, job: Job, step: Step, now: datetime, *, outcome: str | None, detail: str = ""
) -> bool:
    """Write what became of the job; False when somebody else did meanwhile. `outcome` None records no attempt."""
    row = await connection.execute(select(notifications.c.state).where(notifications.c.id == job.id))
    before = row.scalar_one()
    changed = before != step.state
    values: dict[str, Any] = {"state": step.state, "next_attempt_at": step.next_attempt_at, "lease_until": None}
    if changed:
        values |= {"updated_at": now, "last_error": step.error}
    if step.state == State.accepted and changed:
        values |= {"provider_ref": step.ref} | _without_token(job)
    if step.state == State.unknown and before == State.sending:
        values["updated_at"] = job.since  # the moment of the attempt: the provider is asked for that time
    result = await connection.execute(
        update(notifications)
        .where(
            notifications.c.id == job.id,
            notifications.c.state == before,
            notifications.c.attempts == job.attempts,
            notifications.c.lease_until.is_(None)
            if job.lease_until is None
            else notifications.c.lease_until == job.lease_until,
        )
        .values(**values)
    )
    if result.rowcount == 0:
        return False
    if outcome:
        await add_delivery(
            connection, job.tenant_id, job.id, now, provider=job.provider, outcome=outcome, detail=detail
        )
    if changed:
        await _tell_others(connection, job, step, now)
    return True


async def _tell_others(connection: AsyncConnection, job: Job, step: Step, now: datetime) -> None:
    """What the incidents, the console and the bundled notices learn of a change of state."""
    this = notifications.c
    query = select(this.id, this.incident_id).where(or_(this.id == job.id, this.bundled_into == job.id))
    told = (await connection.execute(query.order_by(this.created_at, this.id))).all()
    if step.state == State.failed:
        await connection.execute(
            update(notifications)
            .where(this.bundled_into == job.id, this.state == State.bundled)
            .values(state=State.failed, last_error=f"was bundled: {step.error}", updated_at=now)
        )
    if step.state in (State.accepted, State.failed):
        for row in told:
            await add_history(connection, job.tenant_id, row.incident_id, now, _history(job, step, row.id))
    for incident_id in dict.fromkeys(row.incident_id for row in told):
        if step.state == State.accepted:
            await mark_told(connection, incident_id, now)
        await note_change(connection, job.tenant_id, incident_id, now)


def _history(job: Job, step: Step, notification_id: str) -> dict[str, str]:
    detail = {
        "notification_id": notification_id,
        "channel": job.kind,
        "contact": job.contact,
        "state": step.state.value,
    }
    if step.error:
        detail["reason"] = step.error
    return detail


async def _lease(
    connection: AsyncConnection,
    due: Mapping[str, Row[Any]],
    send: Send,
    provider: str,
    now: datetime,
    lease_until: datetime,
) -> Job:
    row = due[send.id]
    text = Rendered(row.subject, row.body, row.html)
    further = {due[other].incident_id for other in send.others} - {row.incident_id}
    if further:
        text = _with_others(row, len(further))
    told_here = (*send.others, *send.outdated)
    if told_here:
        await _write(connection, told_here, state=State.bundled, bundled_into=row.id, updated_at=now)
        bundled = select(notifications.c.incident_id).where(notifications.c.id.in_(told_here))
        for incident_id in sorted(set((await connection.execute(bundled)).scalars())):
            await note_change(connection, row.tenant_id, incident_id, now)
    values = {
        "state": State.sending,
        "lease_until": lease_until,
        "attempts": row.attempts + 1,
        "provider": provider,
        "updated_at": now,
        "subject": text.subject,
        "body": text.body,
        "html": text.html,
    }
    await _write(connection, [row.id], **values)
    await note_change(connection, row.tenant_id, row.incident_id, now)
    fresh = await connection.execute(_selected().where(notifications.c.id == row.id))
    return _job(fresh.one())


def _with_others(row: Row[Any], others: int) -> Rendered:
    if row.channel == "mail":
        return with_others(Rendered(row.subject, row.body, row.html), others, row.language)
    link = _LINK.search(row.body)
    title = row.title_ko if row.language == "ko" else row.title_en or row.title_ko
    found = link.group() if link else ""
    text = sms_text(row.kind, RiskLevel(row.risk), title, found, language=row.language, others=others)
    return Rendered(row.subject, text)


def _selected() -> Any:
    return (
        select(
            notifications,
            outbox.c.kind,
            outbox.c.title_ko,
            outbox.c.title_en,
            contacts.c.name,
            contacts.c.email,
            contacts.c.phone,
            contacts.c.language,
        )
        .join(outbox, notifications.c.outbox_id == outbox.c.id)
        .join(contacts, notifications.c.contact_id == contacts.c.id)
    )


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        tenant_id=row.tenant_id,
        incident_id=row.incident_id,
        kind=row.channel,
        contact=row.name,
        provider=row.provider,
        ref=row.provider_ref,
        attempts=row.attempts,
        since=row.updated_at,
        lease_until=row.lease_until,
        message=OutgoingMessage(
            key=row.message_id,
            to=row.phone if row.channel == "sms" else row.email,
            subject=row.subject,
            body=row.body,
            html=row.html,
            created_at=row.created_at,
        ),
    )


def _waiting(row: Row[Any]) -> Waiting:
    return Waiting(
        row.id, row.incident_id, RiskLevel(row.risk), row.kind == "closed", row.created_at, alone=row.attempts > 0
    )


async def _sent_times(connection: AsyncConnection, contact_id: str, kind: Kind, now: datetime) -> list[datetime]:
    """When this contact was written to in the last hour, counting what may have arrived and what is on its way."""
    arrived = (
        select(deliveries.c.at)
        .join(notifications, deliveries.c.notification_id == notifications.c.id)
        .where(deliveries.c.outcome.in_(["accepted", "unknown"]), deliveries.c.at > now - REMEMBER)
    )
    going = select(notifications.c.updated_at).where(notifications.c.state == State.sending)
    this = and_(notifications.c.contact_id == contact_id, notifications.c.channel == kind)
    times = [*(await connection.execute(arrived.where(this))).scalars()]
    return [*times, *(await connection.execute(going.where(this))).scalars()]


async def _write(connection: AsyncConnection, ids: Sequence[str], **values: Any) -> None:
    await connection.execute(update(notifications).where(notifications.c.id.in_(ids)).values(**values))


def _without_token(job: Job) -> dict[str, str]:
    """Once a provider has the message the link's secret has no business in the database any more."""
    message = job.message
    return {"body": _TOKEN.sub(_SPENT, message.body), "html": _TOKEN.sub(_SPENT, message.html)}


async def count_by_state(connection: AsyncConnection) -> dict[str, int]:
    """For `jikimi status`: notices by state."""
    query = select(notifications.c.state, func.count()).group_by(notifications.c.state)
    return {str(state): int(count) for state, count in await connection.execute(query)}
