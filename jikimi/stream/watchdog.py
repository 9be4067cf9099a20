"""When has a consumer hung? It has records to read and yet none came for too long."""

import time
from collections.abc import Callable


class Watchdog:
    """Says when to look (`due`); whoever reads tells it of every progress. Seconds on a monotonic clock."""

    def __init__(self, patience: float, now: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._now = now
        self._since = now()

    def progress(self) -> None:
        self._since = self._now()

    def due(self) -> bool:
        """True when `patience` went by without progress; the wait starts anew then."""
        if self._now() - self._since < self._patience:
            return False
        self._since = self._now()
        return True
