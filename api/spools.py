"""The high-water mark of every spool: everything through this number was answered for."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import select

from jikimi.storage.database import Database
from jikimi.storage.schema import agent_spools

MAX_IDLE = 50_000


class Spool:
    """One life of one agent's spool, as far as this process knows it. `mark` is None before its first batch."""

    def __init__(self) -> None:
        self.mark: int | None = None
        self.turn = asyncio.Lock()
        self.users = 0
        self.loaded = False


class Spools:
    """Uploads of one spool take turns; different spools do not wait for each other."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._spools: OrderedDict[tuple[str, str], Spool] = OrderedDict()

    @asynccontextmanager
    async def turn(self, agent_id: str, epoch: str, *, first_seq: int) -> AsyncIterator[Spool]:
        """The spool, held until leaving, with its mark known.

        A batch that seems to leave a gap makes the mark be read again: another centre may have taken what lies between.
        """
        key = (agent_id, epoch)
        spool = self._spools.setdefault(key, Spool())
        self._spools.move_to_end(key)
        spool.users += 1
        try:
            async with spool.turn:
                if not spool.loaded or (spool.mark is not None and first_seq > spool.mark + 1):
                    spool.mark = await self._load(agent_id, epoch)
                    spool.loaded = True
                yield spool
        finally:
            spool.users -= 1
            self._forget_oldest()

    async def _load(self, agent_id: str, epoch: str) -> int | None:
        query = select(agent_spools.c.acked_through).where(
            agent_spools.c.agent_id == agent_id, agent_spools.c.epoch == epoch
        )
        async with self._database.read() as connection:
            mark: int | None = (await connection.execute(query)).scalar_one_or_none()
            return mark

    def _forget_oldest(self) -> None:
        while len(self._spools) > MAX_IDLE:
            key = next(iter(self._spools))
            if self._spools[key].users:
                self._spools.move_to_end(key)
                return
            del self._spools[key]
