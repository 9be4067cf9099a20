"""Where a source goes on after a restart: a place is kept only when the events of everything before it are in the
spool, so that a crash reads something again rather than loses it."""

import time
from collections import deque
from typing import Any

from collectors.sources.feed import Feed
from collectors.sources.memory import Memory


class Places:
    """For the source's own thread."""

    def __init__(self, feed: Feed, memory: Memory) -> None:
        self._feed = feed
        self._memory = memory
        self._noted: dict[str, Any] = {}
        self._pending: deque[tuple[int, dict[str, Any]]] = deque()

    def note(self, now: dict[str, Any]) -> None:
        """Everything up to `now` was handed to the feed; keep what is in the spool by now. Raises OSError."""
        if now != self._noted:
            self._noted = now
            self._pending.append((self._feed.seen, now))
        while self._pending and self._pending[0][0] <= self._feed.settled:
            self._memory.save(self._pending.popleft()[1])

    def finish(self, within: float) -> None:
        """Wait a little for what was told to reach the spool: then nothing is read again at the next start."""
        until = time.monotonic() + within
        while self._pending and time.monotonic() < until:
            time.sleep(0.05)
            self.note(self._noted)
