"""`/k/{token}`: the page behind the link in an SMS or a mail. No sign-in, no script.

GET only shows (mail scanners follow links), POST acts, once. The token is the whole authority; only its hash is kept.
"""

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Form, Query, Request, Response
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.browser_guard import from_same_origin
from api.errors import ApiError
from api.incidents.deadlines import next_deadline
from api.pages.rendering import page
from api.pages.settings import PageSettings
from api.pages.sign_in import preferred_language
from api.sessions import services_of
from jikimi.domain import advice
from jikimi.domain.incident import HistoryKind
from jikimi.domain.local_time import local_time
from jikimi.domain.risk import RiskLevel
from jikimi.storage.schema import (
    answer_links,
    changes,
    contacts,
    findings,
    incident_history,
    incidents,
    tenants,
)

router = APIRouter()

Answer = Literal["ours", "help", "call"]


@router.get("/k/{token}")
async def show(
    token: str, request: Request, chosen: Annotated[str, Query(alias="answer", max_length=16)] = ""
) -> Response:
    """`answer` is the button pressed in a mail: it is offered first, and sent only by a further press."""
    services = services_of(request)
    async with services.database.read() as connection:
        link = await _load(connection, token)
        categories = await _categories(connection, link.incident_id) if link is not None else []
    return _page(request, link, categories, services.clock(), chosen=chosen if chosen in get_args(Answer) else "")


@router.post("/k/{token}")
async def act(token: str, request: Request, answer: Annotated[Answer, Form()]) -> Response:
    """Keeps the first answer; a second one is told what the first was."""
    if request.headers.get("origin") is not None and not from_same_origin(request):
        raise ApiError(403, "forbidden", "this answer did not come from our own page")
    services = services_of(request)
    now = services.clock()
    async with services.database.write() as connection:
        link = await _load(connection, token)
        fresh = link is not None and link.used_at is None and link.expires_at > now
        if link is not None and fresh:
            await _keep(connection, link, answer, now)
        categories = await _categories(connection, link.incident_id) if link is not None else []
    return _page(request, link, categories, now, just_answered=answer if fresh else "")


async def _load(connection: AsyncConnection, token: str) -> Row[Any] | None:
    query = (
        select(
            answer_links,
            contacts.c.name.label("contact"),
            contacts.c.language,
            tenants.c.name.label("company"),
            tenants.c.zone,
            *(incidents.c[name] for name in _INCIDENT_COLUMNS),
        )
        .join(contacts, contacts.c.id == answer_links.c.contact_id)
        .join(tenants, tenants.c.id == answer_links.c.tenant_id)
        .join(incidents, incidents.c.id == answer_links.c.incident_id)
        .where(answer_links.c.token_hash == hashlib.sha256(token.encode()).hexdigest())
    )
    return (await connection.execute(query)).one_or_none()


_INCIDENT_COLUMNS = (
    "title_ko",
    "title_en",
    "risk",
    "status",
    "rules",
    "devices",
    "opened_at",
    "first_time",
    "told_at",
    "acknowledged_at",
    "closed_at",
    "version",
)


async def _keep(connection: AsyncConnection, link: Row[Any], answer: Answer, now: datetime) -> None:
    used = await connection.execute(
        update(answer_links)
        .where(answer_links.c.token_hash == link.token_hash, answer_links.c.used_at.is_(None))
        .values(used_at=now, answer=answer)
    )
    if used.rowcount != 1:
        return
    await connection.execute(
        update(incidents)
        .where(incidents.c.id == link.incident_id)
        .values(client_answered_at=now, updated_at=now, version=incidents.c.version + 1)
    )
    await connection.execute(
        incident_history.insert().values(
            tenant_id=link.tenant_id,
            incident_id=link.incident_id,
            at=now,
            actor=link.contact,
            kind=HistoryKind.client_answered.value,
            detail={"answer": answer, "version": link.version + 1},
        )
    )
    await connection.execute(
        changes.insert().values(tenant_id=link.tenant_id, incident_id=link.incident_id, kind="incident", at=now)
    )


async def _categories(connection: AsyncConnection, incident_id: str) -> list[str]:
    query = select(findings.c.logsource).where(findings.c.incident_id == incident_id).limit(50)
    found = (row.logsource.get("category") for row in await connection.execute(query))
    return list(dict.fromkeys(category for category in found if category))


def _page(
    request: Request,
    link: Row[Any] | None,
    categories: list[str],
    now: datetime,
    *,
    just_answered: str = "",
    chosen: str = "",
) -> Response:
    phone = PageSettings().centre_phone
    if link is None:
        return page("link_gone.html.j2", preferred_language(request), status=404, reason="unknown", phone=phone)
    language: str = link.language
    if link.expires_at <= now:
        return page("link_gone.html.j2", language, status=410, reason="expired", phone=phone)
    due = next_deadline(
        RiskLevel(link.risk),
        opened_at=link.opened_at,
        told_at=now,
        acknowledged_at=link.acknowledged_at,
        closed_at=link.closed_at,
    )
    return page(
        "answer.html.j2",
        language,
        company=link.company,
        title=link.title_ko if language == "ko" else link.title_en,
        risk=link.risk,
        found=local_time(link.first_time, link.zone, language, now=now),
        devices=link.devices,
        steps=advice.steps(link.rules, categories, language=language),
        state=link.status,
        due=local_time(due.due, link.zone, language) if due is not None and due.due > now else "",
        answered=just_answered or link.answer,
        just_answered=bool(just_answered),
        chosen=chosen,
        phone=phone,
    )
