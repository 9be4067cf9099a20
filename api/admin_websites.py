"""`/v1/admin/websites`: which web sites of the companies are looked at, and "I am deploying"."""

from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from pydantic import AfterValidator, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.admin import Wish, named_tenant
from api.enrolment import Name
from api.guard import require_admin
from api.state import centre
from jikimi.storage import tenants, websites
from jikimi.storage.websites import Website

router = APIRouter(prefix="/v1/admin/websites", dependencies=[Depends(require_admin)])

SHORTEST, USUAL, LONGEST = 10, 300, 86_400
"""Seconds between two looks."""


def _address(url: str) -> str:
    """Raises ValueError for what no browser would open."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write the whole address, like https://www.example.com/")
    return url if parts.path else f"{url}/"


class NewWebsite(Wish):
    tenant: str | None = None
    url: Annotated[str, Field(max_length=2000), AfterValidator(_address)]
    name: Name | None = None
    interval_seconds: Annotated[int, Field(ge=SHORTEST, le=LONGEST)] = USUAL


class Deploying(Wish):
    """`minutes` 0: the new site stands, learn it now."""

    minutes: Annotated[int, Field(ge=0, le=7 * 24 * 60)] = 60


@router.post("", status_code=201)
async def add_website(request: Request, wish: NewWebsite) -> dict[str, Any]:
    here = centre(request)
    async with here.services.database.write() as connection:
        tenant = await named_tenant(connection, wish.tenant)
        site = await websites.watch(
            connection,
            tenant.id,
            wish.url,
            name=wish.name or urlsplit(wish.url).hostname or wish.url,
            interval_seconds=wish.interval_seconds,
            at=here.services.clock(),
        )
    return _told(site, tenant.name)


@router.get("")
async def list_websites(request: Request) -> list[dict[str, Any]]:
    async with centre(request).services.database.read() as connection:
        names = {tenant.id: tenant.name for tenant in await tenants.load_tenants(connection)}
        return [_told(site, names[site.tenant_id]) for site in await websites.load_all(connection)]


@router.post("/{site_id}/deploying")
async def deploying(request: Request, site_id: str, wish: Deploying) -> dict[str, Any]:
    """Nothing is compared for so long; then the site is learned anew."""
    here = centre(request)
    until = here.services.clock() + timedelta(minutes=wish.minutes) if wish.minutes else None
    async with here.services.database.write() as connection:
        await websites.load(connection, site_id)
        await websites.deploy(connection, site_id, until)
        return await _again(connection, site_id)


@router.post("/{site_id}/end")
async def end(request: Request, site_id: str) -> dict[str, Any]:
    here = centre(request)
    async with here.services.database.write() as connection:
        told = await _again(connection, site_id)
        await websites.end(connection, site_id, here.services.clock())
    return told


async def _again(connection: AsyncConnection, site_id: str) -> dict[str, Any]:
    site = await websites.load(connection, site_id)
    return _told(site, (await tenants.load_tenant(connection, site.tenant_id)).name)


def _told(site: Website, tenant: str) -> dict[str, Any]:
    return {
        "id": site.id,
        "tenant": tenant,
        "name": site.name,
        "url": site.url,
        "interval_seconds": site.interval_seconds,
        "deploying_until": site.deploying_until,
        "last_look_at": site.last_look_at,
        "last_result": site.last_result,
    }
