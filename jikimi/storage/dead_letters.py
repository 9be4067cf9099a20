"""What can never succeed is kept here with its reason, and counted; nothing is dropped silently."""

import hashlib
from datetime import datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from jikimi.storage import counters
from jikimi.storage.schema import dead_letters
from jikimi.storage.upsert import insert

Stage = Literal["ingest", "detector", "archive"]

MAX_RAW_BYTES = 64 * 1024


async def bury(
    connection: AsyncConnection,
    *,
    tenant_id: str,
    agent_id: str,
    stage: Stage,
    reason: str,
    raw: bytes,
    source: str,
    at: datetime,
) -> bool:
    """Keep the first 64 KiB of `raw` with its reason and raise the counter `dead_lettered`.

    `source` names the place it came from ("events/3/1042", "agent.epoch.seq"). The same bytes from the same source at
    the same stage are kept and counted once, so a replay buries nothing twice. False when they were there before.
    """
    parts = (tenant_id.encode(), agent_id.encode(), stage.encode(), source.encode(), raw)
    identity = hashlib.sha256(b"\x1f".join(parts)).hexdigest()[:32]
    fresh = insert(connection, dead_letters).values(
        id=identity,
        tenant_id=tenant_id,
        agent_id=agent_id,
        stage=stage,
        reason=reason,
        raw=raw[:MAX_RAW_BYTES],
        source=source[:200],
        at=at,
    )
    result = await connection.execute(fresh.on_conflict_do_nothing(index_elements=["id"]))
    if result.rowcount == 0:
        return False
    await counters.add(connection, "dead_lettered", tenant_id)
    return True
