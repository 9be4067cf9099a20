"""Folders and volumes under inotify, through watchdog: what happened, but not who did it. Needs no right.

watchdog keeps two losses to itself, both made visible here: the kernel's queue overflow, and folders for which the
kernel's watch limit (fs.inotify.max_user_watches) left no watch.
"""

import errno
import os
import time
from collections import deque
from contextlib import suppress

from watchdog.events import (
    DirMovedEvent,
    FileClosedEvent,
    FileClosedNoWriteEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import BaseObserver, ObservedWatch
from watchdog.observers.inotify import InotifyEmitter
from watchdog.observers.inotify_c import CallbackId, InotifyEvent, InotifyFD, Mask, WatchCallback, WatchDescriptor

from collectors.sources.coalesce import Change, Kind

WANTED: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileClosedEvent,
    FileClosedNoWriteEvent,
    FileDeletedEvent,
    FileMovedEvent,
    DirMovedEvent,
]
_KINDS: dict[type[FileSystemEvent], Kind] = {
    FileCreatedEvent: "create",
    FileModifiedEvent: "modify",
    FileClosedEvent: "closed",
    FileClosedNoWriteEvent: "read",
    FileDeletedEvent: "delete",
    FileMovedEvent: "rename",
    DirMovedEvent: "rename",
}


class _Descriptor(InotifyFD):
    """watchdog's inotify descriptor, with its losses counted."""

    def __init__(self) -> None:
        super().__init__()
        self.overflows = 0
        self.refused = 0

    def handle_event(self, event: InotifyEvent) -> None:
        if event.is_queue_overflow:
            self.overflows += 1
        super().handle_event(event)

    def add_callback(self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId) -> WatchDescriptor:
        try:
            return super().add_callback(path, mask, callback, id_)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                self.refused += 1
            raise


class _Handler(FileSystemEventHandler):
    def __init__(self, bell: int) -> None:
        self.changes: deque[Change] = deque()
        self._bell = bell

    def on_any_event(self, event: FileSystemEvent) -> None:
        kind = _KINDS.get(type(event))
        if kind is None:
            return
        path, target = os.fsdecode(event.src_path), os.fsdecode(event.dest_path)
        if kind == "rename":
            self.changes.append(Change(kind, target, time.time(), old_path=path))
        else:
            self.changes.append(Change(kind, path, time.time()))
        os.eventfd_write(self._bell, 1)


class Notified:
    """One inotify descriptor. `changes` is for one thread."""

    mode = "inotify"
    blind_to = "without root the agent sees what happens to files, but not which program or person did it"

    def __init__(self) -> None:
        """Raises OSError when the user's inotify instances are used up (fs.inotify.max_user_instances)."""
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._handler = _Handler(self._bell)
        self._inotify = _Descriptor()
        self._inotify.start()
        self._observer = BaseObserver(InotifyEmitter, inotify_fd=self._inotify)
        self._observer.start()
        self._watches: dict[str, ObservedWatch] = {}
        self._told = 0

    def fileno(self) -> int:
        return self._bell

    def watch(self, path: str, *, volume: bool) -> None:  # noqa: ARG002, inotify knows folders only
        """Raises OSError when not even the top folder can be watched."""
        self.unwatch(path)
        self._watches[path] = self._observer.schedule(self._handler, path, recursive=True, event_filter=WANTED)

    def unwatch(self, path: str) -> None:
        if watch := self._watches.pop(path, None):
            self._observer.unschedule(watch)

    def unwatched(self) -> int:
        """Folders that got no watch since the last call."""
        count, self._inotify.refused = self._inotify.refused, 0
        return count

    def overflowed(self) -> bool:
        """True once after the kernel's queue ran over; watchdog has looked for new folders by itself."""
        before, self._told = self._told, self._inotify.overflows
        return self._inotify.overflows > before

    def changes(self) -> list[Change]:
        """What happened since the last call."""
        with suppress(BlockingIOError):
            os.eventfd_read(self._bell)
        waiting = self._handler.changes
        return [waiting.popleft() for _ in range(len(waiting))]

    def ending(self) -> None:
        """Nothing is held back here."""

    def close(self) -> None:
        self._observer.stop()
        self._observer.join(5)
        self._inotify.stop()
        self._inotify.join(5)
        os.close(self._bell)
