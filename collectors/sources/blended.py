"""fanotify for all it can watch; what lies on a file system without file handles (FUSE: ntfs-3g, exfat-fuse) by inotify
for what happens, and by fanotify's descriptors for who writes and reads."""

import os
import select
import time
from typing import TYPE_CHECKING

from collectors.sources.by_descriptor import ByDescriptor, joined
from collectors.sources.coalesce import Change
from collectors.sources.trees import Trees
from collectors.sources.who import Processes, readable

if TYPE_CHECKING:
    from collectors.sources.notified import Notified

BEHIND = 0.7
"""Seconds by which inotify's thread may be behind: watchdog waits 0.5 s for the other side of a renaming."""
FAR_BEHIND = 3.0
"""The same on a busy machine, where its turn comes late: for so long who wrote is known to what it tells."""


class Blended:
    """One descriptor over all. Not thread-safe."""

    mode = "fanotify"

    def __init__(self, processes: Processes) -> None:
        """Raises OSError when the kernel refuses fanotify (not root, too old)."""
        self._processes = processes
        self._trees = Trees(processes)
        self._either = select.epoll()
        self._either.register(self._trees.fileno(), select.EPOLLIN)
        self._notified: Notified | None = None
        self._writers: dict[str, ByDescriptor | None] = {}
        """By folder or volume that inotify watches; None where nobody can tell who."""
        self._held: dict[str, list[Change]] = {}
        self._past: list[Change] = []
        """Signals of the last seconds."""
        self._mounts: dict[str, str] = {}
        self._ending = False
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
            self._forget(path)
            self._notified.watch(path, volume=volume)
            self._writers[path], self._mounts[path] = self._writers_of(path), _mount_of(path)
            self._tell_blind()

    def unwatch(self, path: str) -> None:
        if path in self._writers and self._notified is not None:
            self._forget(path)
            self._notified.unwatch(path)
            self._tell_blind()
        else:
            self._trees.unwatch(path)

    def _writers_of(self, path: str) -> ByDescriptor | None:
        try:
            writers = ByDescriptor(path, self._processes)
        except OSError:
            return None
        self._either.register(writers.fileno(), select.EPOLLIN)
        return writers

    def _forget(self, path: str) -> None:
        if (writers := self._writers.pop(path, None)) is not None:
            self._either.unregister(writers.fileno())
            writers.close()

    def _tell_blind(self) -> None:
        words = []
        for known, what in ((True, "not who renamed or deleted them"), (False, "not who did it")):
            if tops := [readable(top) for top, writers in self._writers.items() if (writers is not None) == known]:
                places = ", ".join(sorted(tops))
                words.append(f"on {places} the agent sees what happens to files, but {what} (a file system like FUSE)")
        self.blind_to = "; ".join(words)

    def unwatched(self) -> int:
        """Folders that got no watch since the last call."""
        return self._trees.unwatched() + (self._notified.unwatched() if self._notified else 0)

    def overflowed(self) -> bool:
        """True once after either kernel queue ran over."""
        over = [self._trees.overflowed(), *(one.overflowed() for one in self._writers.values() if one is not None)]
        return (self._notified is not None and self._notified.overflowed()) or any(over)

    def changes(self) -> list[Change]:
        """What happened since the last call."""
        found = self._trees.changes()
        if self._notified is None:
            return found
        told = self._notified.changes()
        signals = [change for top, one in self._writers.items() if one for change in self._signals(top, one)]
        coming = [change for held in self._held.values() for change in held]
        past, since = self._past, time.time() - FAR_BEHIND
        self._past = [change for change in (*past, *signals) if change.at > since]
        return found + joined(told, signals, coming, past, [top for top, one in self._writers.items() if one])

    def _signals(self, top: str, one: ByDescriptor) -> list[Change]:
        """Those for which inotify has told of a new file by now; all of a volume that is no longer there."""
        held = [*self._held.pop(top, []), *one.changes()]
        until = float("inf") if self._ending or not os.path.ismount(self._mounts[top]) else time.time() - BEHIND
        ready = [change for change in held if change.at <= until]
        if later := held[len(ready) :]:
            self._held[top] = later
        return ready

    def ending(self) -> None:
        """The next `changes` are the last: nothing may be held back any more."""
        self._ending = True

    def close(self) -> None:
        for path in list(self._writers):
            self._forget(path)
        self._either.close()
        self._trees.close()
        if self._notified is not None:
            self._notified.close()


def _mount_of(path: str) -> str:
    while not os.path.ismount(path):
        path = os.path.dirname(path)
    return path
