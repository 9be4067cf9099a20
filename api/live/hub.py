"""Follows the `changes` table for everyone who watches.

While at least one socket listens, one task looks for new rows five times a second, loads the incidents they name once
for each tenant scope that is watched, and hands every socket of that scope the same bytes. Nobody listening: no query.

Messages (JSON): `{"type": "snapshot", "seq": n, "rows": [...], "pulse": {...}}`, then
`{"type": "delta", "after": n, "seq": m, "rows": [...], "notices": bool}` whose `after` is the `seq` the receiver must
have (else it asks for a snapshot), and `{"type": "pulse", "seq": n, "pulse": {...}}` every second.
"""

import asyncio
import contextlib
from collections import defaultdict, deque
from collections.abc import AsyncIterator

import msgspec
import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.incidents.rows import load_queue, load_rows
from api.live.pulse import Pulse, Rate, load_pulse
from api.services import Services
from jikimi.domain.scope import TenantScope
from jikimi.storage.schema import changes

EVERY = 0.2
"""Seconds between two looks at the table, and so the longest a change waits."""
PULSE_EVERY = 5
"""Looks between two pulses."""
STATUS_EVERY = 5.0
"""Seconds between two readings of the consumers' lag."""
MOST_CHANGES = 2000
MOST_WAITING = 16
"""Messages a socket may be behind before they are dropped and it gets a snapshot instead."""

_log = structlog.get_logger()


class Listener:
    """One socket's waiting messages. Bounded: a slow reader loses deltas, never its place (it is resynced)."""

    def __init__(self, scope: TenantScope) -> None:
        self.scope = scope
        self.stale = True
        self._waiting: deque[bytes] = deque()
        self._wake = asyncio.Event()

    def offer(self, message: bytes) -> None:
        if self.stale:
            return
        if len(self._waiting) >= MOST_WAITING:
            self.resync()
            return
        self._waiting.append(message)
        self._wake.set()

    def resync(self) -> None:
        """Forget what waits; a snapshot comes instead."""
        self._waiting.clear()
        self.stale = True
        self._wake.set()

    async def take(self) -> bytes | None:
        """The next message; None when a snapshot is due."""
        await self._wake.wait()
        if self.stale:
            self._wake.clear()
            return None
        message = self._waiting.popleft()
        if not self._waiting:
            self._wake.clear()
        return message


class Hub:
    """`async with hub.listen(scope) as listener`, then `take()`; a None is answered with `hub.snapshot`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._listeners: defaultdict[TenantScope, set[Listener]] = defaultdict(set)
        self._follower: asyncio.Task[None] | None = None
        self._seq = 0
        self._rates: defaultdict[TenantScope, Rate] = defaultdict(Rate)
        self._pulses: dict[TenantScope, Pulse] = {}
        self._lag: dict[str, int] = {}

    @contextlib.asynccontextmanager
    async def listen(self, scope: TenantScope) -> AsyncIterator[Listener]:
        listener = Listener(scope)
        if self._follower is None or self._follower.done():
            self._seq = await self._newest()
            self._follower = asyncio.create_task(self._follow(), name="console-hub")
        self._listeners[scope].add(listener)
        listener.resync()
        try:
            yield listener
        finally:
            self._listeners[scope].discard(listener)
            if not self._listeners[scope]:
                del self._listeners[scope]
                self._rates.pop(scope, None)
            if not self._listeners and self._follower is not None:
                self._follower.cancel()
                self._follower = None

    async def snapshot(self, listener: Listener) -> bytes:
        """Everything, as of one reading transaction; deltas that follow fit onto it."""
        scope = listener.scope
        async with self._services.database.read() as connection:
            # the follower may be ahead or behind: rows are whole, so the overlap does no harm, a hole would
            seq = min(self._seq, await _newest_of(connection))
            listener.stale = False
            rows = await load_queue(connection, scope, self._services.clock())
            pulse = await load_pulse(connection, scope, self._services.clock(), self._rates[scope], self._lag)
        return msgspec.json.encode({"type": "snapshot", "seq": seq, "rows": rows, "pulse": pulse})

    async def _newest(self) -> int:
        async with self._services.database.read() as connection:
            return await _newest_of(connection)

    async def _follow(self) -> None:
        looks = 0
        last_status = -STATUS_EVERY
        clock = asyncio.get_running_loop().time
        this = asyncio.current_task()
        # A driver that is cancelled in the midst of a query may answer with an error of its own: the wish to end stays.
        while this is not None and not this.cancelling():
            try:
                await self._spread_changes()
                if looks % PULSE_EVERY == 0:
                    if clock() - last_status >= STATUS_EVERY:
                        last_status = clock()
                        self._lag = _lag_of(await self._services.status())
                    await self._spread_pulse()
            except Exception as error:  # the outermost pump: the console must outlive one bad second
                _log.error("console_hub_failed", error=type(error).__name__, detail=str(error)[:200])
                await asyncio.sleep(1)
            looks += 1
            await asyncio.sleep(EVERY)

    async def _spread_changes(self) -> None:
        async with self._services.database.read() as connection:
            query = (
                select(changes.c.seq, changes.c.incident_id, changes.c.kind)
                .where(changes.c.seq > self._seq)
                .order_by(changes.c.seq)
                .limit(MOST_CHANGES)
            )
            found = (await connection.execute(query)).all()
            if not found:
                return
            after, self._seq = self._seq, found[-1].seq
            ids = list(dict.fromkeys(row.incident_id for row in found))
            notices = any(row.kind == "notice" for row in found)
            for scope, listeners in list(self._listeners.items()):
                rows = [
                    row
                    for start in range(0, len(ids), 500)
                    for row in await load_rows(connection, scope, ids[start : start + 500])
                ]
                delta = {"type": "delta", "after": after, "seq": self._seq, "rows": rows, "notices": notices}
                message = msgspec.json.encode(delta)
                for listener in tuple(listeners):
                    listener.offer(message)

    async def _spread_pulse(self) -> None:
        async with self._services.database.read() as connection:
            for scope, listeners in list(self._listeners.items()):
                now = self._services.clock()
                pulse = await load_pulse(connection, scope, now, self._rates[scope], self._lag)
                message = msgspec.json.encode({"type": "pulse", "seq": self._seq, "pulse": pulse})
                for listener in tuple(listeners):
                    listener.offer(message)


async def _newest_of(connection: AsyncConnection) -> int:
    return int((await connection.execute(select(func.coalesce(func.max(changes.c.seq), 0)))).scalar_one())


def _lag_of(status: dict[str, object]) -> dict[str, int]:
    """The consumers' lag as `jikimi status` prints it: group → records not yet taken."""
    found = status.get("lag")
    return {str(k): int(v) for k, v in found.items() if isinstance(v, int)} if isinstance(found, dict) else {}
