"""The console's JSON: one incident, the actions on it, the messages, the people."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access_records import EVERY_TENANT, record_access
from api.browser_guard import require_same_origin
from api.errors import ApiError
from api.incidents import actions
from api.incidents.actions import Acting
from api.incidents.detail import (
    IncidentDetail,
    carried_events,
    event_views,
    evidence_ids,
    find_incident_id,
    load_detail,
)
from api.incidents.messages import count_by_state, load_messages
from api.incidents.scoping import scope_of, within
from api.sessions import require_user, services_of
from api.users import User, load_users, set_language
from jikimi.domain.incident import Verdict
from jikimi.domain.scope import TenantScope
from jikimi.errors import Transient
from jikimi.storage.events import EventQuery
from jikimi.storage.schema import devices, incidents

router = APIRouter(prefix="/api", dependencies=[Depends(require_same_origin)])

SignedIn = Annotated[User, Depends(require_user)]
Version = Annotated[int, Field(ge=1)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SeenVersion(Body):
    """`version` and `risk` as the analyst saw them when deciding."""

    version: Version
    risk: Annotated[int, Field(ge=1, le=4)] | None = None


class Assignment(SeenVersion):
    owner_id: str | None


class Note(Body):
    text: Annotated[str, Field(min_length=1, max_length=4000)]


class Closing(SeenVersion):
    verdict: Verdict
    text: Annotated[str, Field(max_length=4000)] = ""
    tell: bool


class Language(Body):
    language: Literal["ko", "en"]


@router.get("/incidents/{number}")
async def incident(number: int, request: Request, user: SignedIn) -> Response:
    """Everything on an incident's page except its evidence events."""
    services = services_of(request)
    async with services.database.read() as connection:
        detail = await _detail(connection, scope_of(user), number)
    await recorded(request, user, detail.row.tenant_id, f"incident {number}")
    return answered(detail)


@router.get("/incidents/{number}/events")
async def evidence(number: int, request: Request, user: SignedIn) -> Response:
    """The evidence events, in time order, from the event store; what it lacks, from the findings themselves.

    `complete` is false when the event store could not be asked.
    """
    services = services_of(request)
    async with services.database.read() as connection:
        detail = await _detail(connection, scope_of(user), number)
        names = await _device_names(connection, detail.row.tenant_id)
    ids = evidence_ids(detail.findings)
    complete = True
    try:
        stored = await services.events.get(TenantScope.of(detail.row.tenant_id), ids) if ids else []
    except Transient:
        stored, complete = [], False
    known = {event.event_id for event in stored}
    views = [*event_views(stored, names, detail.findings), *carried_events(detail.findings, known)]
    await recorded(request, user, detail.row.tenant_id, f"evidence of incident {number}")
    ordered = sorted(views, key=lambda event: event.time)
    return answered({"events": ordered, "total": detail.row.event_count, "complete": complete})


@router.get("/events")
async def search(
    request: Request,
    user: SignedIn,
    tenant: str,
    field: str,
    value: str,
    until: datetime | None = None,
) -> Response:
    """Events of one company in which `field` equals `value`, newest first, at most 100."""
    services = services_of(request)
    if not scope_of(user).covers(tenant):
        raise not_there()
    query = EventQuery(scope=TenantScope.of(tenant), fields=((field, value),), until=until, limit=100)
    stored = await services.events.search(query)
    async with services.database.read() as connection:
        names = await _device_names(connection, tenant)
    await recorded(request, user, tenant, f"search {field}")
    return answered({"events": event_views(stored, names)})


@router.post("/incidents/{incident_id}/acknowledge")
async def acknowledge(incident_id: str, body: SeenVersion, request: Request, user: SignedIn) -> Response:
    return await act(request, user, incident_id, "acknowledge", actions.acknowledge, body)


@router.post("/incidents/{incident_id}/assign")
async def assign(incident_id: str, body: Assignment, request: Request, user: SignedIn) -> Response:
    """`owner_id` null takes it from whoever has it."""

    async def do(acting: Acting) -> None:
        people = {person.id: person for person in await load_users(acting.connection)}
        if body.owner_id is not None and body.owner_id not in people:
            raise actions.NotPossible("There is no such colleague.")
        await actions.assign(acting, people.get(body.owner_id or ""))

    return await act(request, user, incident_id, "assign", do, body)


@router.post("/incidents/{incident_id}/note")
async def note(incident_id: str, body: Note, request: Request, user: SignedIn) -> Response:
    return await act(request, user, incident_id, "note", lambda acting: actions.note(acting, body.text))


@router.post("/incidents/{incident_id}/close")
async def close(incident_id: str, body: Closing, request: Request, user: SignedIn) -> Response:
    async def do(acting: Acting) -> None:
        await actions.close(acting, body.verdict, body.text, tell=body.tell)

    return await act(request, user, incident_id, "close", do, body)


@router.post("/incidents/{incident_id}/reopen")
async def reopen(incident_id: str, body: SeenVersion, request: Request, user: SignedIn) -> Response:
    return await act(request, user, incident_id, "reopen", actions.reopen, body)


@router.get("/messages")
async def messages(
    request: Request,
    user: SignedIn,
    state: Annotated[str | None, Query(max_length=16)] = None,
    before: datetime | None = None,
) -> Response:
    """Messages of all companies, newest first, 100 at a time."""
    scope = scope_of(user)
    async with services_of(request).database.read() as connection:
        found = await load_messages(connection, scope, state=state, before=before)
        counts = await count_by_state(connection, scope)
    await recorded(request, user, EVERY_TENANT, "messages")
    return answered({"messages": found, "counts": counts})


@router.get("/people")
async def people(request: Request, user: SignedIn) -> Response:  # noqa: ARG001  only who is signed in may ask
    async with services_of(request).database.read() as connection:
        return answered({"people": [{"id": person.id, "name": person.name} for person in await load_users(connection)]})


@router.post("/me/language")
async def language(body: Language, request: Request, user: SignedIn) -> Response:
    async with services_of(request).database.write() as connection:
        await set_language(connection, user.id, body.language)
    return answered({"language": body.language})


async def act(
    request: Request,
    user: User,
    incident_id: str,
    task: str,
    do: Callable[[Acting], Awaitable[None]],
    seen: SeenVersion | None = None,
) -> Response:
    services = services_of(request)
    scope = scope_of(user)
    try:
        async with services.database.write() as connection:
            row = (
                await connection.execute(
                    select(incidents.c.number, incidents.c.tenant_id).where(
                        incidents.c.id == incident_id, within(incidents.c.tenant_id, scope)
                    )
                )
            ).one_or_none()
            if row is None:
                raise actions.NotThere
            version, risk = (seen.version, seen.risk) if seen else (None, None)
            await do(Acting(connection, user, scope, services.clock(), incident_id, version, risk))
            await record_access(
                connection,
                at=services.clock(),
                account=user.login,
                address=address_of(request),
                tenant_id=row.tenant_id,
                task=f"{task} incident {row.number}",
            )
    except actions.NotThere as error:
        raise not_there() from error
    except actions.NotPossible as error:
        raise ApiError(422, "invalid", str(error)) from error
    except actions.Overtaken as error:
        told = {"by": error.by, "kind": error.kind, "at": error.at.isoformat(), "version": error.version}
        raise ApiError(409, "conflict", str(error), more=told) from error
    return answered({"done": task, "number": row.number})


async def recorded(request: Request, user: User, tenant_id: str, task: str) -> None:
    services = services_of(request)
    async with services.database.write() as connection:
        await record_access(
            connection,
            at=services.clock(),
            account=user.login,
            address=address_of(request),
            tenant_id=tenant_id,
            task=task,
        )


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


async def _detail(connection: AsyncConnection, scope: TenantScope, number: int) -> IncidentDetail:
    """What `scope` may see of the incident; 404 for the others."""
    found = await find_incident_id(connection, scope, number)
    detail = None if found is None else await load_detail(connection, scope, found)
    if detail is None:
        raise not_there()
    return detail


async def _device_names(connection: AsyncConnection, tenant_id: str) -> dict[str, str]:
    rows = await connection.execute(select(devices.c.id, devices.c.name).where(devices.c.tenant_id == tenant_id))
    return {row.id: row.name for row in rows}


def not_there() -> ApiError:
    return ApiError(404, "not_found", "there is no such incident")


def answered(answer: object) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")
