"""Which readings are the examining process's own, where the system does not say who read (inotify names nobody)."""

import threading

from collectors.sources.coalesce import Change

SECONDS = 3.0
"""For so long after it was touched, a reading of a file without a known process may be our own."""


class OwnReads:
    """Shared between the thread that has files examined and the file source's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._touched: dict[str, float] = {}

    def touching(self, path: str, now: float) -> None:
        """The examining process is about to read `path`."""
        with self._lock:
            self._touched = {name: at for name, at in self._touched.items() if now - at < SECONDS}
            self._touched[path] = now

    def made(self, change: Change) -> bool:
        """Whether the examining process did it; never said of an access whose process is known."""
        if change.kind != "read" or change.who.pid:
            return False
        with self._lock:
            at = self._touched.get(change.path)
        return at is not None and change.at - at < SECONDS
