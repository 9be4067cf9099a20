"""Who read or changed whose data, when, from where, for which task; each record's hash covers the one before it.

Source: Korea's standard for the safety of personal information, access records kept at least two years.
"""

import hashlib
from datetime import datetime

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from jikimi.domain.event import format_time
from jikimi.storage.schema import access_records

EVERY_TENANT = "*"
FIRST = "0" * 64


async def record_access(
    connection: AsyncConnection, *, at: datetime, account: str, address: str, tenant_id: str, task: str
) -> None:
    """Append one record, in the transaction of what it records. `tenant_id` may be EVERY_TENANT."""
    last = await connection.execute(select(access_records.c.hash).order_by(access_records.c.id.desc()).limit(1))
    previous = last.scalar_one_or_none() or FIRST
    values = {"account": account, "address": address, "tenant_id": tenant_id, "task": task[:200]}
    await connection.execute(
        access_records.insert().values(at=at, **values, previous_hash=previous, hash=chain_hash(previous, at, **values))
    )


def chain_hash(previous: str, at: datetime, *, account: str, address: str, tenant_id: str, task: str) -> str:
    text = orjson.dumps([previous, format_time(at), account, address, tenant_id, task])
    return hashlib.sha256(text).hexdigest()


async def broken_at(connection: AsyncConnection) -> int | None:
    """The id of the first record whose chain does not hold; None when all of it holds."""
    previous = FIRST
    for row in await connection.execute(select(access_records).order_by(access_records.c.id)):
        values = {"account": row.account, "address": row.address, "tenant_id": row.tenant_id, "task": row.task}
        if row.previous_hash != previous or row.hash != chain_hash(previous, row.at, **values):
            found: int = row.id
            return found
        previous = row.hash
    return None
