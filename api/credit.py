"""How much an agent may send before the next answer, from how far behind the detectors are."""

import time
from collections.abc import Callable

from jikimi.errors import Transient
from jikimi.stream.port import EVENTS, EventLog

LAG_SECONDS = 0.5
"""How long a measured backlog is believed."""


class Credit:
    """Full while a partition's backlog is below a quarter of its limit, then falling evenly to 0 at the limit."""

    def __init__(
        self,
        log: EventLog,
        *,
        group: str,
        full_bytes: int,
        limit_records: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._group = group
        self._full = full_bytes
        self._limit = limit_records
        self._monotonic = monotonic
        self._lag: dict[int, int] = {}
        self._until = 0.0

    async def grant(self, partition: int | None) -> int:
        """Bytes. `partition` None: the fullest one counts."""
        now = self._monotonic()
        if now >= self._until:
            self._until = now + LAG_SECONDS
            try:
                self._lag = await self._log.lag(self._group, EVENTS)
            except Transient:
                self._lag = {}  # not known: the log's own refusal is the brake then
        backlog = max(self._lag.values(), default=0) if partition is None else self._lag.get(partition, 0)
        return self.at(backlog)

    def at(self, backlog: int) -> int:
        """The credit for a backlog of so many records."""
        easy = self._limit / 4
        room = (self._limit - backlog) / (self._limit - easy)
        return round(self._full * min(1.0, max(0.0, room)))
