"""Who writes and reads on a file system without file handles (FUSE): fanotify's older way, by open descriptors.

It knows the program of an opening, a write and a closing, but neither a new name nor one that goes: those inotify sees,
without who. Records are read by a thread of their own as they come, for each one that waits keeps the volume busy.
"""

import contextlib
import os
import select
import threading
import time
from collections import deque
from collections.abc import Iterable

from collectors.sources import fanotify
from collectors.sources.coalesce import Change, Kind
from collectors.sources.who import NOBODY, Processes, Who

READ_BYTES = 4096
"""Some 170 records, and as many open descriptors."""
MOST_WAITING = 65_536
_GONE = " (deleted)"
_ORDER: tuple[tuple[int, Kind], ...] = (
    (fanotify.OPEN, "opened"),
    (fanotify.MODIFY, "modify"),
    (fanotify.CLOSE_WRITE, "closed"),
    (fanotify.CLOSE_NOWRITE, "read"),
)


class ByDescriptor:
    """One folder or volume. `changes` is for one thread."""

    def __init__(self, top: str, processes: Processes) -> None:
        """Raises OSError."""
        self._inside = top + "/"
        self._processes = processes
        self._waiting: deque[Change] = deque()
        self._lost = False
        self._group = fanotify.init_by_descriptor()
        try:
            fanotify.mark(self._group, top, fanotify.BY_DESCRIPTOR, filesystem=True)
        except OSError:
            os.close(self._group)
            raise
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._ended = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="files-by-fd", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        return self._bell

    def changes(self) -> list[Change]:
        """What happened since the last call."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._bell)
        return [self._waiting.popleft() for _ in range(len(self._waiting))]

    def overflowed(self) -> bool:
        """True once after a queue ran over."""
        flag, self._lost = self._lost, False
        return flag

    def close(self) -> None:
        os.eventfd_write(self._ended, 1)
        self._thread.join(5)
        for descriptor in (self._group, self._bell, self._ended):
            os.close(descriptor)

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._group, select.POLLIN)
        poll.register(self._ended, select.POLLIN)
        while self._ended not in {descriptor for descriptor, _ in poll.poll()}:
            try:
                buffer = os.read(self._group, READ_BYTES)
            except OSError:  # what the record speaks of is gone: the kernel drops it
                continue
            self._processes.catch_up()
            for mask, pid, descriptor in fanotify.descriptors(buffer):
                self._note(mask, pid, descriptor)
            os.eventfd_write(self._bell, 1)

    def _note(self, mask: int, pid: int, descriptor: int) -> None:
        if descriptor < 0:
            self._lost = self._lost or bool(mask & fanotify.Q_OVERFLOW)
            return
        try:
            path = os.readlink(f"/proc/self/fd/{descriptor}").removesuffix(_GONE)
        finally:
            os.close(descriptor)
        if pid in self._processes.own or not path.startswith(self._inside):
            return
        if len(self._waiting) >= MOST_WAITING:
            self._lost = True
            return
        who, now = self._processes.who(pid), time.time()
        self._waiting.extend(Change(kind, path, now, who) for bit, kind in _ORDER if mask & bit)


def joined(
    told: Iterable[Change], signals: list[Change], later: Iterable[Change], past: Iterable[Change], tops: Iterable[str]
) -> list[Change]:
    """inotify's changes with the program that fanotify saw at the same file, now, `later` or, for a new file, in the
    `past`, in order; below `tops` its writes and reads are fanotify's. A name that goes has no program, but one that
    was written under just before."""
    inside = tuple(f"{top}/" for top in tops)
    writers = {change.path: change for change in reversed([*signals, *later])}
    before = {change.path: change for change in past}
    kept: list[Change] = []
    for change in told:
        if not change.path.startswith(inside):
            kept.append(change)
        elif change.kind in ("create", "rename", "delete"):
            seen = writers.get(change.path) or writers.get(change.old_path)
            if seen is None and change.kind == "create":
                seen = before.get(change.path)
            kept.append(change._replace(who=_who(seen), at=_at(change, seen)))
    return sorted([*kept, *signals], key=lambda change: (change.at, change.kind != "create"))


def _who(seen: Change | None) -> Who:
    return seen.who if seen is not None else NOBODY


def _at(change: Change, seen: Change | None) -> float:
    """A file is created before it is written, whichever was read first."""
    return min(change.at, seen.at) if seen is not None and change.kind == "create" else change.at
