"""A consumer's place in the stream, fenced, committed in the same transaction as the effects of what it read.

`claim` at start raises the row's epoch; `advance` only succeeds while that epoch still stands, so a process that was
thought dead and comes back cannot write (design: zombie fencing).
"""

from collections.abc import Collection, Mapping
from functools import cache

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from jikimi.errors import Fenced
from jikimi.storage.schema import progress, seen
from jikimi.storage.upsert import Insert, insert, insert_for
from jikimi.stream.port import TopicPartition

Spool = tuple[str, str]
"""(agent id, spool epoch)"""


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
    await _update(connection, group, source, epoch, next_offset=next_offset, planned_offset=None)


async def plan(
    connection: AsyncConnection, group: str, source: TopicPartition, *, epoch: int, through_offset: int
) -> None:
    """Fix, before an effect outside this database, that the next batch ends before `through_offset`.

    A successor repeats exactly this batch. Raises Fenced when another process claimed the partition meanwhile.
    """
    await _update(connection, group, source, epoch, planned_offset=through_offset)


async def planned(connection: AsyncConnection, group: str, source: TopicPartition) -> int | None:
    """Where the batch ends whose effect may or may not have happened; None when there is none."""
    row = await connection.execute(
        select(progress.c.planned_offset).where(
            progress.c.group == group,
            progress.c.topic == source.topic,
            progress.c.partition == source.partition,
            progress.c.planned_offset > progress.c.next_offset,
        )
    )
    end: int | None = row.scalar_one_or_none()
    return end


async def seen_through(connection: AsyncConnection, group: str, agent_id: str, epoch: str) -> int:
    """The last sequence number of this spool that `group` has taken; -1 when none."""
    return (await marks(connection, group, [(agent_id, epoch)])).get((agent_id, epoch), -1)


async def mark_seen(connection: AsyncConnection, group: str, agent_id: str, epoch: str, through: int) -> None:
    """Remember it, in the transaction of the effects."""
    await mark_all(connection, group, {(agent_id, epoch): through})


async def marks(connection: AsyncConnection, group: str, spools: Collection[Spool]) -> dict[Spool, int]:
    """`seen_through` of many spools at once; one never met is absent."""
    if not spools:
        return {}
    rows = await connection.execute(
        select(seen.c.agent_id, seen.c.epoch, seen.c.through).where(
            seen.c.group == group, tuple_(seen.c.agent_id, seen.c.epoch).in_(list(spools))
        )
    )
    return {(agent_id, epoch): through for agent_id, epoch, through in rows}


async def mark_all(connection: AsyncConnection, group: str, through: Mapping[Spool, int]) -> None:
    """`mark_seen` of many spools at once."""
    if not through:
        return
    rows = [{"group": group, "agent_id": a, "epoch": e, "through": n} for (a, e), n in sorted(through.items())]
    await connection.execute(_mark(connection.dialect.name), rows)


@cache
def _mark(dialect: str) -> Insert:
    fresh = insert_for(dialect, seen)
    return fresh.on_conflict_do_update(
        index_elements=["group", "agent_id", "epoch"], set_={"through": fresh.excluded.through}
    )


async def _update(
    connection: AsyncConnection, group: str, source: TopicPartition, epoch: int, **values: int | None
) -> None:
    result = await connection.execute(
        progress.update()
        .where(
            progress.c.group == group,
            progress.c.topic == source.topic,
            progress.c.partition == source.partition,
            progress.c.epoch == epoch,
        )
        .values(**values)
    )
    if result.rowcount != 1:
        raise Fenced(f"{group}: {source.topic}/{source.partition} was taken over by another process")
