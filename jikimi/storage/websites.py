"""The register of watched web sites: plain functions on a connection. What was learned of a site is bytes here."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import uuid4

import msgspec
from sqlalchemy import case, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jikimi.errors import Misconfigured
from jikimi.storage.schema import devices, websites
from jikimi.storage.tenants import ensure_device


class Website(msgspec.Struct, frozen=True):
    """One watched site. `memory` is what was learned, None before the first look; `name` is its device's."""

    id: str
    tenant_id: str
    device_id: str
    name: str
    url: str
    interval_seconds: int
    memory: bytes | None
    deploying_until: datetime | None
    last_look_at: datetime | None
    last_result: str

    @property
    def interval(self) -> timedelta:
        return timedelta(seconds=self.interval_seconds)

    def deploying(self, now: datetime) -> bool:
        """The company said that it is rebuilding the site."""
        return self.deploying_until is not None and now < self.deploying_until


async def watch(
    connection: AsyncConnection, tenant_id: str, url: str, *, name: str, interval_seconds: int, at: datetime
) -> Website:
    """Begin to watch. Raises Misconfigured when the company's site of that address is watched already."""
    known = await connection.execute(
        select(websites.c.id).where(
            websites.c.tenant_id == tenant_id, websites.c.url == url, websites.c.ended_at.is_(None)
        )
    )
    if known.scalar_one_or_none() is not None:
        raise Misconfigured(f"{url} is watched already; `jikimi admin website list` shows it")
    device = await ensure_device(connection, tenant_id, name, at=at, os="web site")
    site = Website(uuid4().hex, tenant_id, device.id, device.name, url, interval_seconds, None, None, None, "")
    await connection.execute(
        websites.insert().values(
            id=site.id,
            tenant_id=tenant_id,
            device_id=device.id,
            url=url,
            interval_seconds=interval_seconds,
            next_look_at=at,
            created_at=at,
        )
    )
    return site


async def load(connection: AsyncConnection, site_id: str) -> Website:
    """Raises Misconfigured when no such site is watched."""
    row = (await connection.execute(_WATCHED.where(websites.c.id == site_id))).mappings().one_or_none()
    if row is None:
        raise Misconfigured(f"no site {site_id!r} is watched; `jikimi admin website list` shows them")
    return Website(**row)


async def load_all(connection: AsyncConnection) -> list[Website]:
    """Every watched site, by company and address."""
    rows = await connection.execute(_WATCHED.order_by(websites.c.tenant_id, websites.c.url))
    return [Website(**row) for row in rows.mappings()]


async def load_of_devices(connection: AsyncConnection, tenant_id: str, device_ids: Iterable[str]) -> list[Website]:
    """The watched sites of one company among these devices, by address."""
    query = _WATCHED.where(websites.c.tenant_id == tenant_id, websites.c.device_id.in_(sorted(device_ids)))
    return [Website(**row) for row in (await connection.execute(query.order_by(websites.c.url))).mappings()]


async def due(connection: AsyncConnection, now: datetime, *, limit: int) -> list[Website]:
    """Sites whose next look has come, the longest waiting first."""
    query = _WATCHED.where(websites.c.next_look_at <= now).order_by(websites.c.next_look_at).limit(limit)
    return [Website(**row) for row in (await connection.execute(query)).mappings()]


async def looked(
    connection: AsyncConnection,
    site_id: str,
    *,
    at: datetime,
    known: bytes | None,
    memory: bytes,
    result: str,
    again_in: timedelta,
) -> None:
    """Keep what one look taught; `again_in` until the next. `known` is the memory it began with: when the company said
    meanwhile that the site is to be learned anew, that stands."""
    taught = case((websites.c.memory.is_not_distinct_from(known), literal(memory)), else_=websites.c.memory)
    await _change(connection, site_id, memory=taught, last_look_at=at, last_result=result, next_look_at=at + again_in)


async def put_off(connection: AsyncConnection, site_id: str, *, result: str, until: datetime) -> None:
    """A look that came to nothing through our own fault: what is known stays, the next is not before `until`."""
    await _change(connection, site_id, last_result=result, next_look_at=until)


async def deploy(connection: AsyncConnection, site_id: str, until: datetime | None) -> None:
    """Compare nothing until then and learn the site anew; None: it is done, learn now."""
    await _change(connection, site_id, deploying_until=until, memory=None)


async def end(connection: AsyncConnection, site_id: str, at: datetime) -> None:
    """Watch it no longer."""
    await _change(connection, site_id, ended_at=at)


async def _change(connection: AsyncConnection, site_id: str, **values: object) -> None:
    await connection.execute(update(websites).where(websites.c.id == site_id).values(**values))


_WATCHED = (
    select(
        websites.c.id,
        websites.c.tenant_id,
        websites.c.device_id,
        devices.c.name,
        websites.c.url,
        websites.c.interval_seconds,
        websites.c.memory,
        websites.c.deploying_until,
        websites.c.last_look_at,
        websites.c.last_result,
    )
    .join(devices, devices.c.id == websites.c.device_id)
    .where(websites.c.ended_at.is_(None))
)
