"""From the file source's changes to what leak evidence must look at. Runs in that source's thread, so it only notes."""

import contextlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable

from collectors.examining.own_reads import OwnReads
from collectors.leak.lineage import Lineage, Read
from collectors.leak.pending import Pending, Write
from collectors.sources import fanotify
from collectors.sources.coalesce import Change
from collectors.sources.who import Process

NOTED = 5_000
"""Written files whose time of change is remembered."""
JUST_NOW = 60.0
"""Seconds."""


class Heard:
    """Shared between the file source's thread and the leak source's: everything under `lock`, but `own_reads`."""

    def __init__(
        self, folders: tuple[str, ...], watch_out: tuple[str, ...], find: Callable[[int], Process | None]
    ) -> None:
        self.lock = threading.Lock()
        self.bell = threading.Event()
        self.pending = Pending()
        self.lineage = Lineage(find)
        self._folders = folders
        self._watch_out = watch_out
        self._noted: OrderedDict[str, int] = OrderedDict()
        self.own_reads = OwnReads()

    def is_own(self, change: Change) -> bool:
        """Whether the examining process did it."""
        return self.own_reads.made(change)

    def signal(self, one: Change, volume: str | None) -> None:
        """A protected document counts as read from its opening on. A file outside that was written through a mapping
        shows nothing but its closing and a new time of change."""
        if _under(one.path, self._folders):
            with self.lock:
                self.lineage.read(Read(one.path, _size(one.path), one.who, one.at, one.kind == "opened"))
        elif one.kind == "closed" and self._is_outside(one.path, volume) and self._is_news(one):
            write = self._write(one, volume)
            with self.lock:
                self.pending.wrote(write)
            self.bell.set()

    def change(self, one: Change, volume: str | None) -> None:
        """`volume` is the mount point of the removable volume that `one.path` lies on, None for other files."""
        inside, was_inside = _under(one.path, self._folders), _under(one.old_path, self._folders)
        outside = self._is_outside(one.path, volume)
        write = self._write(one, volume) if outside and one.kind not in ("read", "delete") else None
        with self.lock:
            if one.kind == "rename" and was_inside:
                self.lineage.read(Read(one.old_path, _size(one.path), one.who, one.at))
                self.pending.changed(one.old_path, one.at)
            if inside and one.kind != "read":
                self.pending.changed(one.path, one.at)
            if write and one.kind == "rename":
                self.pending.renamed(one.old_path, write)
            elif write:
                self.pending.wrote(write)
            elif one.kind == "delete":
                self.pending.removed(one.path)
        if write:
            self.bell.set()  # a protected document may wait for the next look

    def _is_outside(self, path: str, volume: str | None) -> bool:
        return volume is not None or _under(path, self._watch_out)

    def _is_news(self, closed: Change) -> bool:
        """Whether the file is another than when it was last noted; one that never was must have changed just now."""
        try:
            changed = os.stat(closed.path, follow_symlinks=False).st_mtime_ns
        except OSError:
            return False
        noted = self._noted.get(closed.path)
        return changed != noted if noted else abs(closed.at - changed / 1e9) < JUST_NOW

    def _write(self, one: Change, volume: str | None) -> Write:
        """With what finds the file again should it be renamed before it is examined."""
        try:
            status = os.stat(one.path, follow_symlinks=False)
        except OSError:
            return Write(one.path, one.at, one.who, mount=volume or "", removable=volume is not None)
        self._noted[one.path] = status.st_mtime_ns
        self._noted.move_to_end(one.path)
        if len(self._noted) > NOTED:
            self._noted.popitem(last=False)
        handle = b""
        if volume is not None and os.geteuid() == 0:
            with contextlib.suppress(OSError):
                handle = fanotify.handle_of(one.path).raw
        return Write(one.path, one.at, one.who, status.st_size, status.st_ino, handle, volume or "", volume is not None)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _under(path: str, tops: tuple[str, ...]) -> bool:
    return any(path.startswith(top + "/") for top in tops)
