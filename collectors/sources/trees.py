"""Folders and volumes under fanotify: every change with the process that made it. Needs root.

A protected folder is marked folder by folder (a mark on its whole file system would wake the agent for every library
the machine loads); renames alone are asked of the file system, so that a document moved out is seen with both names.
A volume is one mark on its file system, at once, however many folders it has.
"""

import contextlib
import mmap
import os
import time

from collectors.sources import fanotify
from collectors.sources.coalesce import Change, Kind
from collectors.sources.fanotify import Handle, Place, Signal
from collectors.sources.who import Processes

READ_BYTES = 256 * 1024
REMOVED = "(removed folder)"
FOLDERS_REMEMBERED = 20_000
APART = 1e-6
"""Seconds between signals that were read together, so that their order is kept: the kernel gives no times."""

_ORDER: tuple[tuple[int, Kind], ...] = (
    (fanotify.OPEN, "opened"),
    (fanotify.CREATE, "create"),
    (fanotify.MODIFY, "modify"),
    (fanotify.CLOSE_WRITE, "closed"),
    (fanotify.CLOSE_NOWRITE, "read"),
    (fanotify.DELETE, "delete"),
)
"""The kernel joins equal signals of one process into one mask; this is the order they must have had."""


class Trees:
    """One notification group. Not thread-safe."""

    mode = "fanotify"
    blind_to = ""

    def __init__(self, processes: Processes, *, unlimited: bool = True) -> None:
        """Raises OSError when the kernel refuses (not root, too old)."""
        self._group = fanotify.init(unlimited=unlimited)
        self._processes = processes
        self._folders: dict[Handle, str] = {}
        self._handles: dict[str, Handle] = {}
        self._file_systems: dict[bytes, str] = {}
        self._volumes: dict[str, bytes] = {}
        """File system id by mount point; one file system may be mounted at several (mount --bind)."""
        self._room = mmap.mmap(-1, READ_BYTES)
        """Read into again and again: memory is taken as far as it was ever needed."""
        self._unmarked = 0
        self._overflowed = False

    def fileno(self) -> int:
        return self._group

    def watch(self, path: str, *, volume: bool) -> None:
        """Raises OSError when the kernel cannot watch it (a FUSE volume without file handles)."""
        if volume:
            fanotify.mark(self._group, path, fanotify.FILES | fanotify.RENAME, filesystem=True)
            self._volumes[path] = fanotify.fsid_of(path)
            self._remember_top(path)
            return
        fanotify.mark(self._group, path, fanotify.RENAME | fanotify.ONDIR, filesystem=True)
        self._file_systems[fanotify.fsid_of(path)] = path
        fanotify.mark(self._group, path, fanotify.OPENINGS)
        self._mark_tree(path)

    def unwatch(self, path: str) -> None:
        """Forget a volume that is no longer mounted there; with its last mount the kernel drops its mark by itself.

        Its folders have other paths when it is mounted elsewhere the next time, or is still mounted elsewhere."""
        fsid = self._volumes.pop(path, None)
        inside = path + "/"
        for handle, place in list(self._folders.items()):
            if handle.fsid == fsid and (place == path or place.startswith(inside)):
                self._handles.pop(self._folders.pop(handle), None)
        for other, same in self._volumes.items():
            if same == fsid:
                self._remember_top(other)

    def unwatched(self) -> int:
        """Folders that could not be marked since the last call."""
        count, self._unmarked = self._unmarked, 0
        return count

    def overflowed(self) -> bool:
        """True once after the kernel's queue ran over."""
        flag, self._overflowed = self._overflowed, False
        return flag

    def changes(self) -> list[Change]:
        """What happened since the last call."""
        found: list[Change] = []
        while True:
            try:
                size = os.readv(self._group, [self._room])
            except BlockingIOError:
                return found
            self._processes.catch_up()
            now = time.time()
            for number, signal in enumerate(fanotify.signals(self._room[:size])):
                found += self._changes_of(signal, now + number * APART)
            if size < READ_BYTES // 2:
                return found

    def ending(self) -> None:
        """Nothing is held back here."""

    def close(self) -> None:
        os.close(self._group)

    def _changes_of(self, signal: Signal, now: float) -> list[Change]:
        if signal.mask & fanotify.Q_OVERFLOW:
            self._overflowed = True
            return []
        if signal.pid in self._processes.own:
            return []
        if signal.mask & fanotify.RENAME:
            return self._renamed(signal, now)
        path = self._path(signal.place)
        if path is None:
            return []
        if signal.mask & fanotify.ONDIR:
            return self._folder_changed(signal, path, now)
        who = self._processes.who(signal.pid)
        return [Change(kind, path, now, who) for bit, kind in _ORDER if signal.mask & bit]

    def _folder_changed(self, signal: Signal, path: str, now: float) -> list[Change]:
        """A new folder is marked at once; what was put into it before the mark is found by looking. A volume's one mark
        sees all that is put into it, and by whom."""
        if signal.mask & fanotify.CREATE and not self._in_volume(signal.place):
            who = self._processes.who(signal.pid)
            return [Change("create", file, now, who) for file in self._mark_tree(path)]
        if signal.mask & fanotify.DELETE and (gone := self._handles.pop(path, None)):
            self._folders.pop(gone, None)
        return []

    def _renamed(self, signal: Signal, now: float) -> list[Change]:
        sides = [place.folder for place in (signal.old, signal.new) if place]
        if not any(folder in self._folders or folder.fsid in self._volumes.values() for folder in sides):
            return []
        old, new = self._path(signal.old, anywhere=True), self._path(signal.new, anywhere=True)
        who = self._processes.who(signal.pid)
        found = self._folder_moved(old, new, signal) if signal.mask & fanotify.ONDIR and old and new else []
        renamed = Change("rename", new or old or "", now, who, old or "")
        return [renamed, *(Change("create", file, now, who) for file in found)]

    def _in_volume(self, place: Place | None) -> bool:
        return place is not None and place.folder.fsid in self._volumes.values()

    def _folder_moved(self, old: str, new: str, signal: Signal) -> list[str]:
        """Keep the paths right; the files in a folder that came in from outside."""
        inside = old + "/"
        moved = [path for path in self._handles if path == old or path.startswith(inside)]
        for path in moved:
            handle = self._handles.pop(path)
            place = new + path[len(old) :]
            self._folders[handle], self._handles[place] = place, handle
        if moved or self._in_volume(signal.new) or os.path.dirname(new) not in self._handles:
            return []
        return self._mark_tree(new)

    def _path(self, place: Place | None, *, anywhere: bool = False) -> str | None:
        """The path, or None when it lies in nothing that is watched (unless `anywhere` on a known file system)."""
        if place is None:
            return None
        name = os.fsdecode(place.name)
        folder = self._folders.get(place.folder)
        if folder is None:
            root = next((point for point, fsid in self._volumes.items() if fsid == place.folder.fsid), None)
            if root is None and anywhere:
                root = self._file_systems.get(place.folder.fsid)
            if root is None:
                return None
            try:
                folder = fanotify.path_of(place.folder, root)
            except OSError:
                folder = f"{root}/{REMOVED}"
            else:
                if root in self._volumes:
                    self._remember(place.folder, folder)
        return folder if name == "." else f"{folder}/{name}"

    def _remember_top(self, point: str) -> None:
        """So that what happened in it is told by its path even when it was read after the volume had gone."""
        with contextlib.suppress(OSError):
            handle = fanotify.handle_of(point)
            if handle not in self._folders:
                self._remember(handle, point)

    def _remember(self, handle: Handle, path: str) -> None:
        if len(self._folders) < FOLDERS_REMEMBERED:
            self._folders[handle], self._handles[path] = path, handle

    def _mark_tree(self, top: str) -> list[str]:
        """Mark `top` and all folders below it; the files found on the way."""
        files: list[str] = []
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                fanotify.mark(self._group, folder, fanotify.OPENINGS)
                handle = fanotify.handle_of(folder)
                self._folders[handle], self._handles[folder] = folder, handle
                with os.scandir(folder) as entries:
                    for entry in entries:
                        (waiting if entry.is_dir(follow_symlinks=False) else files).append(entry.path)
            except FileNotFoundError:
                continue
            except OSError:
                self._unmarked += 1
        return files
