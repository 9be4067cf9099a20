"""From an outbox row to notifications: whom to tell, on which channel, in which words. One transaction a row.

The row's `expanded_at` is set in the transaction that inserts its notifications, so a kill between them is impossible.
"""

import hashlib
import secrets
import string
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any
from uuid import uuid4

import structlog
from jinja2 import TemplateError
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.channels.port import Kind
from alerting.record import add_note, note_change
from alerting.rendering import Rendered, Subject, render_mail, render_sms
from alerting.settings import NO_MAIL_SERVER, NO_SMS_PROVIDER, TOKEN_CHARACTERS, AlertSettings
from alerting.states import State
from jikimi.domain.risk import RiskLevel
from jikimi.domain.tenant import Contact, Tenant
from jikimi.errors import Poison
from jikimi.storage.schema import answer_links, findings, incidents, notifications, outbox
from jikimi.storage.tenants import load_contacts, load_tenant

UNREADABLE = (Poison, ValueError, LookupError, TypeError, TemplateError)
"""What a row that can never be told of raises: it is noted on its incident and does not hold up the others."""
NOBODY = {
    "ko": "알린 사람이 없습니다: 이 위험도를 받을 담당자의 전화번호나 메일 주소가 등록되어 있지 않습니다.",
    "en": "Nobody was told: no contact with a telephone number or mail address takes messages of this risk.",
}
_ALPHABET = string.ascii_letters + string.digits

_log = structlog.get_logger("alerting")


async def expand_next(connection: AsyncConnection, settings: AlertSettings, now: datetime) -> str | None:
    """Expand the oldest waiting outbox row; its id, or None when there is none."""
    query = select(outbox).where(outbox.c.expanded_at.is_(None)).order_by(outbox.c.created_at, outbox.c.id).limit(1)
    row = (await connection.execute(query.with_for_update(skip_locked=True))).one_or_none()
    if row is None:
        return None
    await connection.execute(update(outbox).where(outbox.c.id == row.id).values(expanded_at=now))
    try:
        async with connection.begin_nested():
            await _expand(connection, row, settings, now)
    except UNREADABLE as error:
        _log.exception("outbox_row_unreadable", outbox=row.id)
        text = f"알림을 만들지 못했습니다 / no message could be made: {type(error).__name__}: {error}"
        await add_note(connection, row.tenant_id, row.incident_id, now, text)
    await note_change(connection, row.tenant_id, row.incident_id, now)
    return str(row.id)


async def _expand(connection: AsyncConnection, row: Row[Any], settings: AlertSettings, now: datetime) -> None:
    tenant = await load_tenant(connection, row.tenant_id)
    subject = await _subject(connection, row, tenant)
    told = recipients(await load_contacts(connection, row.tenant_id), RiskLevel(row.risk))
    for contact, kind in told:
        await _notify(connection, row, subject, contact, kind, settings=settings, now=now)
    if not told:
        await add_note(connection, row.tenant_id, row.incident_id, now, NOBODY[tenant.language])


def recipients(contacts: Sequence[Contact], risk: RiskLevel) -> list[tuple[Contact, Kind]]:
    """Each contact on each channel that has an address and whose threshold the risk reaches."""
    told: list[tuple[Contact, Kind]] = []
    for contact in contacts:
        if contact.phone and risk >= RiskLevel[contact.sms_from]:
            told.append((contact, "sms"))
        if contact.email and risk >= RiskLevel[contact.mail_from]:
            told.append((contact, "mail"))
    return told


def new_token(kind: Kind) -> str:
    """131 random bits for a mail, 71 for an SMS, whose 80 bytes must also say what happened.

    Letters and digits only: phones leave a `-` or `_` at the end out of the link.
    """
    return "".join(secrets.choice(_ALPHABET) for _ in range(22 if kind == "mail" else TOKEN_CHARACTERS))


def token_hash(token: str) -> str:
    """What `answer_links` keeps: SHA-256 in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


async def _notify(
    connection: AsyncConnection,
    row: Row[Any],
    subject: Subject,
    contact: Contact,
    kind: Kind,
    *,
    settings: AlertSettings,
    now: datetime,
) -> None:
    token = new_token(kind)
    configured = settings.sens_configured if kind == "sms" else settings.smtp_configured
    if kind == "sms" and not configured:
        text = Rendered("", subject.title(contact.language))
    elif kind == "sms":
        text = render_sms(subject, token=token, language=contact.language, settings=settings)
    else:
        text = render_mail(
            subject, contact=contact.name, token=token, language=contact.language, settings=settings, now=now
        )
    notification_id = uuid4().hex
    await connection.execute(
        notifications.insert().values(
            id=notification_id,
            tenant_id=row.tenant_id,
            incident_id=row.incident_id,
            outbox_id=row.id,
            contact_id=contact.id,
            channel=kind,
            dedup_key=f"{row.dedup_key}:{contact.id}:{kind}"[-200:],
            state=State.pending if configured else State.suppressed,
            risk=row.risk,
            subject=text.subject,
            body=text.body,
            html=text.html,
            message_id=_message_id(notification_id, kind, settings),
            next_attempt_at=now,
            last_error="" if configured else (NO_SMS_PROVIDER if kind == "sms" else NO_MAIL_SERVER),
            created_at=now,
            updated_at=now,
        )
    )
    await connection.execute(
        answer_links.insert().values(
            token_hash=token_hash(token),
            tenant_id=row.tenant_id,
            incident_id=row.incident_id,
            contact_id=contact.id,
            created_at=now,
            expires_at=now + timedelta(days=settings.answer_link_days),
        )
    )


def _message_id(notification_id: str, kind: Kind, settings: AlertSettings) -> str:
    if kind == "sms":
        return notification_id
    domain = parseaddr(settings.smtp_from)[1].rpartition("@")[2] or "localhost"
    return f"<{notification_id}@{domain}>"


async def _subject(connection: AsyncConnection, row: Row[Any], tenant: Tenant) -> Subject:
    incident = (await connection.execute(select(incidents).where(incidents.c.id == row.incident_id))).one()
    sources = await connection.execute(
        select(findings.c.logsource)
        .where(findings.c.incident_id == row.incident_id)
        .order_by(findings.c.time)
        .limit(20)
    )
    return Subject(
        kind=row.kind,
        risk=RiskLevel(row.risk),
        title_ko=row.title_ko,
        title_en=row.title_en,
        number=incident.number,
        company=tenant.name,
        zone=tenant.zone,
        first_time=incident.first_time,
        last_time=incident.last_time,
        event_count=incident.event_count,
        devices=incident.devices,
        users=incident.users,
        rules=incident.rules,
        score_terms=incident.score_terms,
        categories=[str(source.get("category") or "") for source in sources.scalars()],
        verdict=incident.verdict,
    )
