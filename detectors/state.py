"""What correlations remember, kept in `operator_state` so that it survives a restart and moves with its partition."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.detection import StateRow
from jikimi.storage.schema import operator_state
from jikimi.storage.upsert import insert


async def load_memory(connection: AsyncConnection, now: datetime) -> list[tuple[str, str, str, bytes]]:
    """Every row that has not expired: (operator, tenant id, key, value)."""
    columns = (operator_state.c.operator, operator_state.c.tenant_id, operator_state.c.key, operator_state.c.value)
    rows = await connection.execute(select(*columns).where(operator_state.c.expires_at > now))
    return [(row.operator, row.tenant_id, row.key, row.value) for row in rows]


async def save_memory(connection: AsyncConnection, rows: Iterable[StateRow], now: datetime) -> None:
    """Write what changed; a row without a value, and every row that expired, is forgotten."""
    await connection.execute(delete(operator_state).where(operator_state.c.expires_at <= now))
    for operator, tenant_id, key, value, expires_at in rows:
        if value is None:
            await connection.execute(
                delete(operator_state).where(
                    operator_state.c.operator == operator,
                    operator_state.c.tenant_id == tenant_id,
                    operator_state.c.key == key,
                )
            )
            continue
        fresh = insert(connection, operator_state).values(
            operator=operator, tenant_id=tenant_id, key=key, value=value, expires_at=expires_at
        )
        await connection.execute(
            fresh.on_conflict_do_update(
                index_elements=["operator", "tenant_id", "key"],
                set_={"value": fresh.excluded.value, "expires_at": fresh.excluded.expires_at},
            )
        )
