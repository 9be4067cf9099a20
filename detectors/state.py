"""What correlations remember, kept in `operator_state` so that it survives a restart and moves with its partition."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.detection import StateRow
from jikimi.storage.schema import operator_state
from jikimi.storage.upsert import Insert, insert_for


async def load_memory(connection: AsyncConnection, now: datetime) -> list[tuple[str, str, str, bytes]]:
    """Every row that has not expired: (operator, tenant id, key, value)."""
    columns = (operator_state.c.operator, operator_state.c.tenant_id, operator_state.c.key, operator_state.c.value)
    rows = await connection.execute(select(*columns).where(operator_state.c.expires_at > now))
    return [(row.operator, row.tenant_id, row.key, row.value) for row in rows]


async def save_memory(connection: AsyncConnection, rows: Sequence[StateRow]) -> None:
    """Write what changed; a row without a value is forgotten."""
    kept = [dict(zip(_NAMES, row, strict=True)) for row in rows if row[3] is not None]
    gone = [{"o": operator, "t": tenant_id, "k": key} for operator, tenant_id, key, value, _ in rows if value is None]
    if kept:
        await connection.execute(_keep(connection.dialect.name), kept)
    if gone:
        await connection.execute(_FORGET, gone)


async def forget_expired(connection: AsyncConnection, now: datetime) -> None:
    """Drop what no late event can touch any more."""
    await connection.execute(delete(operator_state).where(operator_state.c.expires_at <= now))


_NAMES = ("operator", "tenant_id", "key", "value", "expires_at")
_FORGET = delete(operator_state).where(
    operator_state.c.operator == bindparam("o"),
    operator_state.c.tenant_id == bindparam("t"),
    operator_state.c.key == bindparam("k"),
)


@cache
def _keep(dialect: str) -> Insert:
    fresh = insert_for(dialect, operator_state)
    return fresh.on_conflict_do_update(
        index_elements=["operator", "tenant_id", "key"],
        set_={"value": fresh.excluded.value, "expires_at": fresh.excluded.expires_at},
    )
