"""An agent that is taken off its computer tells the centre so: else its silence would be an alarm."""

import asyncio
from contextlib import AsyncExitStack

from collectors import identity
from collectors.http import Client
from collectors.locking import locked
from collectors.settings import StateDir
from collectors.spool import Spool
from collectors.uplink import Uplink
from jikimi.clock import Clock, utc_now
from jikimi.domain.event import TIMESTAMP, format_time
from jikimi.domain.logsource import AGENT_HEALTH
from jikimi.errors import Transient

ANSWER_WITHIN, SEND_WITHIN = 10.0, 20.0


async def farewell(state: StateDir, by: str, *, clock: Clock = utc_now) -> None:
    """Send what waits, and last that `by` uninstalled the agent. It must not run any more.

    Raises Misconfigured (not enrolled), AlreadyRunning, Refused, Transient when the centre did not take all in time.
    """
    who = identity.load(state.credential)
    async with AsyncExitStack() as stack:
        stack.enter_context(locked(state))
        spool = await Spool.open(state.spool, agent_id=who.agent_id, hostname=who.device, clock=clock)
        stack.push_async_callback(spool.close)
        event = {
            TIMESTAMP: format_time(clock()),
            "Hostname": who.device,
            "Kind": "uninstalled",
            "Collector": "agent",
            "Reason": f"the agent was uninstalled by {by}",
        }
        await spool.put(AGENT_HEALTH, [event])
        client = await stack.enter_async_context(Client(ANSWER_WITHIN))
        try:
            async with asyncio.timeout(SEND_WITHIN):
                await Uplink(client, who, spool).drain()
        except TimeoutError:
            raise Transient(f"{who.url} did not take what waits within {SEND_WITHIN:.0f} s") from None
