"""The watched web sites of an incident: how each looked before and after, and "I am deploying"."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.browser_guard import require_same_origin
from api.incidents import actions
from api.incidents.detail import find_incident_id
from api.incidents.routes import Body, SignedIn, act, answered, not_there, recorded
from api.incidents.scoping import scope_of
from api.sessions import services_of
from api.users import User
from jikimi.storage import websites
from jikimi.storage.schema import findings, incidents
from jikimi.storage.websites import Website

router = APIRouter(prefix="/api/incidents", dependencies=[Depends(require_same_origin)])

OWN = "own.png"
_CHANGED = re.compile(r"changed-(\d{8}T\d{6})Z\.png", re.ASCII)


class Picture(msgspec.Struct, frozen=True):
    """`taken_at` of the site's own face is when it was learned."""

    name: str
    taken_at: datetime


class SiteView(msgspec.Struct, frozen=True):
    """`before` is the face that was learned, `after` the newest one that was not it; None where none was drawn."""

    id: str
    name: str
    url: str
    deploying_until: datetime | None
    last_look_at: datetime | None
    before: Picture | None
    after: Picture | None


class Deploying(Body):
    """`minutes` 0: the site as it is now is the company's own."""

    minutes: Annotated[int, Field(ge=0, le=7 * 24 * 60)]


@router.get("/{number}/sites")
async def sites(number: int, request: Request, user: SignedIn) -> Response:
    """The sites that findings of the incident are about; an empty list for most incidents."""
    services = services_of(request)
    async with services.database.read() as connection:
        _, watched = await _sites(connection, user, number)
    views = [await asyncio.to_thread(_view, site, services.pictures, services.clock()) for site in watched]
    return answered({"sites": views})


@router.get("/{number}/sites/{site_id}/pictures/{name}")
async def picture(number: int, site_id: str, name: str, request: Request, user: SignedIn) -> Response:
    """One picture as it was kept."""
    services = services_of(request)
    async with services.database.read() as connection:
        tenant_id, watched = await _sites(connection, user, number)
    known = site_id in {site.id for site in watched} and (name == OWN or _CHANGED.fullmatch(name))
    if not known or services.pictures is None:
        raise not_there()
    try:
        png = await asyncio.to_thread((services.pictures / site_id / name).read_bytes)
    except FileNotFoundError as error:
        raise not_there() from error
    await recorded(request, user, tenant_id, f"picture of incident {number}")
    return Response(png, media_type="image/png")


@router.post("/{incident_id}/sites/{site_id}/deploying")
async def deploying(incident_id: str, site_id: str, body: Deploying, request: Request, user: SignedIn) -> Response:
    """Nothing is compared for so long; then the site is learned anew. Noted in the incident's history."""

    async def do(acting: actions.Acting) -> None:
        query = select(incidents.c.number).where(incidents.c.id == acting.incident_id)
        number = (await acting.connection.execute(query)).scalar_one()
        _, watched = await _sites(acting.connection, user, number)
        site = next((one for one in watched if one.id == site_id), None)
        if site is None:
            raise actions.NotThere
        until = acting.now + timedelta(minutes=body.minutes) if body.minutes else None
        await websites.deploy(acting.connection, site.id, until)
        await actions.note(acting, _said(site, body.minutes, user.language))

    return await act(request, user, incident_id, "deploying", do)


async def _sites(connection: AsyncConnection, user: User, number: int) -> tuple[str, list[Website]]:
    """(company, its sites); 404 for what the user may not see."""
    found = await find_incident_id(connection, scope_of(user), number)
    if found is None:
        raise not_there()
    tenant_id = (await connection.execute(select(incidents.c.tenant_id).where(incidents.c.id == found))).scalar_one()
    query = select(findings.c.device_id).where(findings.c.incident_id == found).distinct()
    return tenant_id, await websites.load_of_devices(connection, tenant_id, (await connection.execute(query)).scalars())


def _view(site: Website, pictures: Path | None, now: datetime) -> SiteView:
    kept = [] if pictures is None else sorted((pictures / site.id).glob("*.png"))
    own = next((file for file in kept if file.name == OWN), None)
    changed = [file.name for file in kept if _CHANGED.fullmatch(file.name)]
    return SiteView(
        site.id,
        site.name,
        site.url,
        site.deploying_until if site.deploying(now) else None,
        site.last_look_at,
        Picture(OWN, datetime.fromtimestamp(own.stat().st_mtime, UTC)) if own else None,
        Picture(changed[-1], _moment(changed[-1])) if changed else None,
    )


def _moment(name: str) -> datetime:
    return datetime.strptime(name, "changed-%Y%m%dT%H%M%SZ.png").replace(tzinfo=UTC)


def _said(site: Website, minutes: int, language: str) -> str:
    if language == "ko":
        told = f"{minutes}분 동안 교체 중" if minutes else "지금 화면을 회사의 것으로 받아들임"
    else:
        told = f"being rebuilt for {minutes} minutes" if minutes else "as it is now, it is the company's own"
    return f"{site.url}: {told}"
