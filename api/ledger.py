"""Ingest's own writes: high-water marks, counters, dead letters, heartbeats. Thousands of agents, one fsync a group.

Whoever comes while one transaction commits is taken along by the next, so the price of `synchronous=FULL` is shared.
"""

import asyncio
from collections import Counter as Tally
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import bindparam
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.batch import Rejected
from api.credentials import AgentIdentity
from jikimi.errors import JikimiError, Transient
from jikimi.storage import counters, dead_letters
from jikimi.storage.counters import Counter
from jikimi.storage.database import Database
from jikimi.storage.dead_letters import Letter
from jikimi.storage.schema import agent_spools, agents
from jikimi.storage.upsert import insert

MAX_TOGETHER = 256
LAST_SEEN_AGE = timedelta(seconds=5)
"""How stale `agents.last_seen` may be; an agent counts as silent after minutes."""

MAX_REMEMBERED = 50_000

_SEEN = agents.update().where(agents.c.id == bindparam("agent")).values(last_seen=bindparam("at"))


class Entry(msgspec.Struct, frozen=True):
    """What one request leaves behind; every part of it commits together."""

    agent: AgentIdentity
    at: datetime
    epoch: str = ""
    acked_through: int | None = None
    counts: Mapping[Counter, int] = {}
    rejected: Sequence[Rejected] = ()
    health: Mapping[str, Any] | None = None
    version: str | None = None


class Ledger:
    """Group commit of entries."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._turn = asyncio.Lock()
        self._last_seen: dict[str, datetime] = {}

    async def write(self, entry: Entry) -> None:
        """Returns when `entry` is durable. Raises Transient when the database cannot be written now."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        async with self._turn:
            if not done.done():
                await self._commit_next()
        await done

    async def _commit_next(self) -> None:
        group, self._waiting = self._waiting[:MAX_TOGETHER], self._waiting[MAX_TOGETHER:]
        failure: BaseException | None = Transient("the centre is stopping")
        try:
            await self._commit([entry for entry, _ in group])
            failure = None
        except (JikimiError, SQLAlchemyError) as error:
            failure = error
        finally:
            for _, done in group:
                if done.done():
                    continue
                if failure is None:
                    done.set_result(None)
                else:
                    done.set_exception(failure)
                    done.exception()  # a request that went away must not warn of an exception nobody fetched

    async def _commit(self, entries: Sequence[Entry]) -> None:
        unseen = self._to_be_seen(entries)
        async with self._database.write() as connection:
            await _write_agents(connection, unseen, entries)
            await _write_marks(connection, [entry for entry in entries if entry.acked_through is not None])
            tally: Tally[tuple[Counter, str]] = Tally()
            for entry in entries:
                for name, n in entry.counts.items():
                    tally[name, entry.agent.tenant_id] += n
            await dead_letters.bury_all(connection, [letter for entry in entries for letter in _letters(entry)])
            for (name, tenant_id), n in tally.items():
                await counters.add(connection, name, tenant_id, n)
        if len(self._last_seen) > MAX_REMEMBERED:
            self._last_seen.clear()
        self._last_seen |= unseen

    def _to_be_seen(self, entries: Sequence[Entry]) -> dict[str, datetime]:
        """Agents whose `last_seen` in the database is older than LAST_SEEN_AGE."""
        seen = {entry.agent.agent_id: entry.at for entry in entries}
        return {
            agent: at
            for agent, at in seen.items()
            if agent not in self._last_seen or not timedelta(0) <= at - self._last_seen[agent] < LAST_SEEN_AGE
        }


async def _write_agents(connection: AsyncConnection, unseen: Mapping[str, datetime], entries: Sequence[Entry]) -> None:
    if unseen:
        await connection.execute(_SEEN, [{"agent": agent, "at": at} for agent, at in unseen.items()])
    for entry in entries:
        if entry.health is not None:
            told: dict[str, Any] = {"health": entry.health}
            if entry.version is not None:
                told["version"] = entry.version
            await connection.execute(agents.update().where(agents.c.id == entry.agent.agent_id).values(**told))


async def _write_marks(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    """A mark never falls, whichever of several centres writes it last."""
    if not entries:
        return
    fresh = insert(connection, agent_spools)
    new = fresh.excluded
    await connection.execute(
        fresh.on_conflict_do_update(
            index_elements=["agent_id", "epoch"],
            set_={"acked_through": new.acked_through, "updated_at": new.updated_at},
            where=agent_spools.c.acked_through < new.acked_through,
        ),
        [
            {
                "agent_id": entry.agent.agent_id,
                "epoch": entry.epoch,
                "tenant_id": entry.agent.tenant_id,
                "acked_through": entry.acked_through,
                "updated_at": entry.at,
            }
            for entry in entries
        ],
    )


def _letters(entry: Entry) -> Iterator[Letter]:
    who = entry.agent
    for rejected in entry.rejected:
        source = f"{who.agent_id}.{entry.epoch}.{rejected.seq}"
        yield Letter(who.tenant_id, who.agent_id, "ingest", rejected.reason, rejected.raw, source, entry.at)
