"""A consumer's place in the stream, fenced, committed in the same transaction as the effects of what it read.

`claim` at start raises the row's epoch; `advance` only succeeds while that epoch still stands, so a process that was
thought dead and comes back cannot write (design: zombie fencing).
"""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from jikimi.errors import Fenced
from jikimi.storage.schema import progress, seen
from jikimi.storage.upsert import insert
from jikimi.stream.port import TopicPartition


async def claim(connection: AsyncConnection, group: str, source: TopicPartition) -> tuple[int, int]:
    """Take the partition over: (my epoch, next offset to read)."""
    fresh = insert(connection, progress).values(
        group=group, topic=source.topic, partition=source.partition, epoch=1, next_offset=0
    )
    taken = fresh.on_conflict_do_update(
        index_elements=["group", "topic", "partition"], set_={"epoch": progress.c.epoch + 1}
    ).returning(progress.c.epoch, progress.c.next_offset)
    row = (await connection.execute(taken)).one()
    return row.epoch, row.next_offset


async def advance(
    connection: AsyncConnection, group: str, source: TopicPartition, *, epoch: int, next_offset: int
) -> None:
    """Move on. Raises Fenced when another process claimed the partition meanwhile."""
    result = await connection.execute(
        progress.update()
        .where(
            progress.c.group == group,
            progress.c.topic == source.topic,
            progress.c.partition == source.partition,
            progress.c.epoch == epoch,
        )
        .values(next_offset=next_offset)
    )
    if result.rowcount != 1:
        raise Fenced(f"{group}: {source.topic}/{source.partition} was taken over by another process")


async def seen_through(connection: AsyncConnection, group: str, agent_id: str, epoch: str) -> int:
    """The last sequence number of this spool that `group` has taken; -1 when none."""
    row = await connection.execute(
        select(seen.c.through).where(seen.c.group == group, seen.c.agent_id == agent_id, seen.c.epoch == epoch)
    )
    found: int | None = row.scalar_one_or_none()
    return -1 if found is None else found


async def mark_seen(connection: AsyncConnection, group: str, agent_id: str, epoch: str, through: int) -> None:
    """Remember it, in the transaction of the effects."""
    fresh = insert(connection, seen).values(group=group, agent_id=agent_id, epoch=epoch, through=through)
    await connection.execute(
        fresh.on_conflict_do_update(
            index_elements=["group", "agent_id", "epoch"], set_={"through": fresh.excluded.through}
        )
    )
