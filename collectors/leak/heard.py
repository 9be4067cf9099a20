"""From the file source's changes to what leak evidence must look at. Runs in that source's thread, so it only notes."""

import contextlib
import os
import threading
from collections.abc import Callable

from collectors.examining.own_reads import OwnReads
from collectors.leak.lineage import Lineage, Read
from collectors.leak.pending import Pending, Write
from collectors.sources import fanotify
from collectors.sources.coalesce import Change
from collectors.sources.who import Process


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
        self.own_reads = OwnReads()

    def is_own(self, change: Change) -> bool:
        """Whether the examining process did it."""
        return self.own_reads.made(change)

    def change(self, one: Change, volume: str | None) -> None:
        """`volume` is the mount point of the removable volume that `one.path` lies on, None for other files."""
        inside, was_inside = _under(one.path, self._folders), _under(one.old_path, self._folders)
        outside = volume is not None or _under(one.path, self._watch_out)
        write = _write(one, volume) if outside and one.kind not in ("read", "delete") else None
        with self.lock:
            if one.kind == "read" and inside:
                self.lineage.read(Read(one.path, _size(one.path), one.who, one.at))
            elif one.kind == "rename" and was_inside:
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
        if one.kind != "read":
            self.bell.set()


def _write(one: Change, volume: str | None) -> Write:
    """With what finds the file again should it be renamed before it is examined."""
    try:
        status = os.stat(one.path, follow_symlinks=False)
    except OSError:
        return Write(one.path, one.at, one.who, mount=volume or "", removable=volume is not None)
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
