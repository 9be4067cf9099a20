"""Misses agents: the centre's own word, as an event of the computer that it does not hear, so that rules judge it.

A round that a crash cut off is made again; a silence may then be told twice, never not at all.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import uuid4

from jikimi.clock import Clock
from jikimi.domain.event import TIMESTAMP, Envelope, block_of, canonical, encode_envelope, format_time
from jikimi.domain.logsource import AGENT_HEALTH
from jikimi.domain.silence import Heard, is_back, is_missed
from jikimi.storage import counters, silence, tenants
from jikimi.storage.database import Database
from jikimi.stream.port import EVENTS, EventLog, NewRecord

PAUSE = 30.0
AT_ONCE = 5
"""So many agents of a company that fall silent at once, when that leaves fewer than half, are one event: its line."""


class AgentWatch:
    """Runs until told to stop; what was told is the database's."""

    def __init__(self, database: Database, event_log: EventLog, clock: Clock) -> None:
        self._database = database
        self._log = event_log
        self._clock = clock
        self._since = clock()
        self._epoch = f"centre-{uuid4().hex[:16]}"
        self._next_seq: dict[str, int] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Raises Transient when log or database cannot be used now."""
        while not stop.is_set():
            await self.round()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PAUSE)

    async def round(self) -> None:
        """Tell who fell silent and who is back since the last round."""
        now = self._clock()
        async with self._database.read() as connection:
            heard = await silence.load_heard(connection)
            companies = {company.id: company for company in await tenants.load_tenants(connection)}
        for tenant_id, group in groupby(heard, lambda one: one.tenant_id):
            theirs = list(group)
            missed = [one for one in theirs if is_missed(one, companies[tenant_id], now, self._since)]
            fresh = [one for one in missed if one.told_since != one.last]
            if len(fresh) >= AT_ONCE and 2 * len(missed) > len(theirs):
                await self._tell(fresh[0], now, _silent(fresh[0], len(fresh)))
                await self._note(fresh)
            else:
                for one in fresh:
                    await self._tell(one, now, _silent(one))
                    await self._note([one])
            for one in filter(is_back, theirs):
                span = {"From": format_time(one.told_since or one.last), "To": format_time(one.last)}
                await self._tell(one, now, {"Kind": "returned", "Reason": "heard again", **span})
                await self._note([one], over=True)

    async def _note(self, told: Iterable[Heard], *, over: bool = False) -> None:
        async with self._database.write() as connection:
            for one in told:
                await silence.note(connection, one.agent_id, None if over else one.last)

    async def _tell(self, one: Heard, now: datetime, fields: Mapping[str, Any]) -> None:
        seq = self._next_seq.get(one.agent_id, 0)
        self._next_seq[one.agent_id] = seq + 1
        envelope = Envelope(
            agent_id=one.agent_id,
            epoch=self._epoch,
            first_seq=seq,
            count=1,
            logsource=AGENT_HEALTH,
            sent_at=now,
            tenant_id=one.tenant_id,
            device_id=one.device_id,
            received_at=now,
        )
        event = {TIMESTAMP: format_time(now), "Hostname": one.device, "Collector": "centre", **fields}
        record = NewRecord(
            one.tenant_id.encode(), block_of([canonical(event)]), {"envelope": encode_envelope(envelope)}
        )
        await self._log.append(EVENTS, [record])
        async with self._database.write() as connection:
            await counters.add_all(connection, "events_accepted", {one.tenant_id: 1})


def _silent(one: Heard, agents: int = 1) -> dict[str, Any]:
    reason = "nothing heard" if agents == 1 else f"nothing heard of {agents} computers at once: the company's line?"
    if one.stopped:
        reason = f"{reason}; it had said that it stops"
    return {
        "Kind": "silent",
        "Reason": reason,
        "From": format_time(one.last),
        "Agents": agents,
        "AlwaysOn": one.always_on or agents > 1,
    }
