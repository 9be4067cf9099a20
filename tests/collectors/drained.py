"""What a spool holds, taken out as the uplink does."""

from collectors.spool import Spool
from jikimi.domain.event import EventBatch


async def drain(spool: Spool) -> list[EventBatch]:
    """All its batches, each answered for."""
    taken = []
    while (batch := await spool.next(0)) is not None:
        taken.append(batch)
        await spool.acked(batch)
    return taken
