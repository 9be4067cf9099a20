"""What can never succeed is kept here with its reason, and counted; nothing is dropped silently."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from jikimi.storage import counters
from jikimi.storage.schema import dead_letters
from jikimi.storage.upsert import insert

Stage = Literal["ingest", "detector", "archive"]

MAX_RAW_BYTES = 64 * 1024


class Letter(NamedTuple):
    """`source` names the place it came from ("events/3/1042", "agent.epoch.seq")."""

    tenant_id: str
    agent_id: str
    stage: Stage
    reason: str
    raw: bytes
    source: str
    at: datetime


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
    """As `bury_all`, one letter. False when it was there before."""
    return await bury_all(connection, [Letter(tenant_id, agent_id, stage, reason, raw, source, at)]) == 1


async def bury_all(connection: AsyncConnection, letters: Sequence[Letter]) -> int:
    """Keep the first 64 KiB of each with its reason, raise the counter `dead_lettered`; how many were new.

    The same bytes from the same source at the same stage are kept and counted once, so a replay buries nothing twice.
    Thousands cost one statement a company: a hostile batch must not hold the database for long.
    """
    buried = 0
    for tenant_id in {letter.tenant_id for letter in letters}:
        fresh = insert(connection, dead_letters).on_conflict_do_nothing(index_elements=["id"])
        result = await connection.execute(
            fresh.returning(dead_letters.c.id), [_row(letter) for letter in letters if letter.tenant_id == tenant_id]
        )
        new = len(result.all())
        await counters.add(connection, "dead_lettered", tenant_id, new)
        buried += new
    return buried


def _row(letter: Letter) -> dict[str, Any]:
    parts = (letter.tenant_id.encode(), letter.agent_id.encode(), letter.stage.encode(), letter.source.encode())
    identity = hashlib.sha256(b"\x1f".join((*parts, letter.raw))).hexdigest()[:32]
    return {
        **letter._asdict(),
        "id": identity,
        "raw": letter.raw[:MAX_RAW_BYTES],
        "source": letter.source[:200],
    }
