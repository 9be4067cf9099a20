"""The past of the companies, as a backtest is fed: out of the event store, a page at a time."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime

from detectors.workshop.backtest import Past
from jikimi.domain.scope import TenantScope
from jikimi.domain.tenant import Tenant
from jikimi.errors import Misconfigured
from jikimi.storage import tenants
from jikimi.storage.database import Database
from jikimi.storage.events import EventStore, StoredEvent

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""What ingest takes lies between."""


@dataclass(frozen=True, slots=True)
class StoredPast:
    """`counts` says how many events of each company lie in the time asked for."""

    store: EventStore
    scope: TenantScope
    companies: tuple[Tenant, ...]
    counts: dict[str, int]
    since: datetime
    until: datetime

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    async def pages(self) -> AsyncGenerator[tuple[Tenant, list[Past]], None]:
        """Company by company, each in time order."""
        for company in self.companies:
            async for page in self.store.pages(self.scope, company.id, self.since, self.until):
                yield company, [_past(event) for event in page]


async def stored_past(
    database: Database, store: EventStore, tenant: str | None, since: datetime, until: datetime
) -> StoredPast:
    """Of the company with that name or id, else of every one. Raises Misconfigured when there is no such company."""
    async with database.read() as connection:
        known = await tenants.load_tenants(connection)
    if tenant is not None:
        named = [one for one in known if tenant in (one.name, one.id)]
        if not named:
            names = ", ".join(one.name for one in known[:20]) or "none yet"
            raise Misconfigured(f"there is no company {tenant!r}; there are: {names}")
        known = named
    scope = TenantScope.every_tenant() if tenant is None else TenantScope.of(*(one.id for one in known))
    counts = await store.count_between(scope, since, until)
    companies = tuple(one for one in known if counts.get(one.id))
    return StoredPast(store, scope, companies, {one.id: counts[one.id] for one in companies}, since, until)


def _past(event: StoredEvent) -> Past:
    return Past(event.event_id, event.logsource, event.time, event.received_at, event.raw)
