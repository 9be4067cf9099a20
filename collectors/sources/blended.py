"""fanotify for all it can watch, inotify for what lies on a file system it cannot (FUSE without file handles)."""

import select
from typing import TYPE_CHECKING

from collectors.sources.coalesce import Change
from collectors.sources.trees import Trees
from collectors.sources.who import Processes, readable

if TYPE_CHECKING:
    from collectors.sources.notified import Notified


class Blended:
    """One descriptor over both. Not thread-safe."""

    mode = "fanotify"

    def __init__(self, processes: Processes) -> None:
        """Raises OSError when the kernel refuses fanotify (not root, too old)."""
        self._trees = Trees(processes)
        self._either = select.epoll()
        self._either.register(self._trees.fileno(), select.EPOLLIN)
        self._notified: Notified | None = None
        self._without_who: set[str] = set()
        self.blind_to = ""
        """What cannot be seen now."""

    def fileno(self) -> int:
        return self._either.fileno()

    def watch(self, path: str, *, volume: bool) -> None:
        """Raises OSError when neither can watch it."""
        try:
            self._trees.watch(path, volume=volume)
        except FileNotFoundError:
            raise
        except OSError:
            if self._notified is None:
                from collectors.sources.notified import Notified  # watchdog, which most machines never need

                self._notified = Notified()
                self._either.register(self._notified.fileno(), select.EPOLLIN)
            self._notified.watch(path, volume=volume)
            self._without_who.add(path)
            self._tell_blind()

    def unwatch(self, path: str) -> None:
        if path in self._without_who and self._notified is not None:
            self._without_who.discard(path)
            self._notified.unwatch(path)
            self._tell_blind()
        else:
            self._trees.unwatch(path)

    def _tell_blind(self) -> None:
        places = ", ".join(sorted(readable(path) for path in self._without_who))
        why = f"on {places} the agent sees what happens to files, but not who did it (no fanotify on this file system)"
        self.blind_to = why if places else ""

    def unwatched(self) -> int:
        """Folders that got no watch since the last call."""
        return self._trees.unwatched() + (self._notified.unwatched() if self._notified else 0)

    def overflowed(self) -> bool:
        """True once after either kernel queue ran over."""
        over = self._trees.overflowed()
        return (self._notified is not None and self._notified.overflowed()) or over

    def changes(self) -> list[Change]:
        """What happened since the last call."""
        return self._trees.changes() + (self._notified.changes() if self._notified else [])

    def close(self) -> None:
        self._either.close()
        self._trees.close()
        if self._notified is not None:
            self._notified.close()
