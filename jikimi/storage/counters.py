"""What only ever rises, by tenant, written in the transaction of what it counts."""

from collections.abc import Mapping
from functools import cache
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from jikimi.storage.schema import counters
from jikimi.storage.upsert import Insert, insert_for

Counter = Literal[
    "events_accepted",  # ingest: durable in the log and acknowledged
    "duplicates_cut",  # ingest: an event the agent sent a second time
    "log_duplicates_cut",  # archive: an event that stood in the log a second time (the detector cuts the same)
    "dead_lettered",  # any stage: written by `dead_letters.bury` alone
    "batches_refused",  # ingest: answered with a 4xx
    "events_lost",  # the agent's own `gap` events say so
    "events_detected",  # detector: run through the rules
    "groups_given_up",  # detector: a correlation had more groups at once than it keeps
    "events_too_late",  # detector: an event was too far behind the others of its group to be correlated
    "state_unreadable",  # detector: what a correlation remembered was damaged, and begins anew
    "events_stored",  # archive: in the event store
    "evidence_removed",  # fetched captures that made room for newer ones
    "records_skipped",  # retention removed them before a consumer read them
]


async def add(connection: AsyncConnection, name: Counter, tenant_id: str, n: int = 1) -> None:
    """Raise one counter by `n` (0 writes nothing)."""
    await add_all(connection, name, {tenant_id: n})


async def add_all(connection: AsyncConnection, name: Counter, by_tenant: Mapping[str, int]) -> None:
    """Raise one counter for several tenants."""
    rows = [{"name": name, "tenant_id": tenant_id, "value": n} for tenant_id, n in sorted(by_tenant.items()) if n]
    if rows:
        await connection.execute(_raise(connection.dialect.name), rows)


@cache
def _raise(dialect: str) -> Insert:
    fresh = insert_for(dialect, counters)
    return fresh.on_conflict_do_update(
        index_elements=["name", "tenant_id"], set_={"value": counters.c.value + fresh.excluded.value}
    )


async def totals(connection: AsyncConnection) -> dict[str, int]:
    """Every counter's sum over all tenants."""
    rows = await connection.execute(select(counters.c.name, func.sum(counters.c.value)).group_by(counters.c.name))
    return {name: int(total) for name, total in rows}
