"""File access on protected folders and on removable volumes: read, create, modify, delete, rename.

As root through fanotify, with process and user; else through inotify, without, and the agent says so. Volumes are
watched from the moment they are mounted. After a restart, and after the kernel's queue ran over, a `blind` or `gap`
event says from when to when, and what changed meanwhile is looked for by ctime.
"""

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from collectors.sources import volumes
from collectors.sources.blocks import SYS
from collectors.sources.catchup import changed_since, search
from collectors.sources.coalesce import Change, Coalescer
from collectors.sources.feed import Feed, Told
from collectors.sources.memory import Memory
from collectors.sources.mounts import CHANGED, MountTable
from collectors.sources.owed import Owed
from collectors.sources.who import Processes, readable
from jikimi.domain.event import format_time
from jikimi.domain.logsource import FILE_ACCESS

TICK, IDLE_TICK = 0.5, 1.0
"""Seconds between rounds while something waits for its close, and else."""
COMPANY = 1.0
"""Seconds for which the first signal waits for others, where names do not run away."""
SEARCH_FOR = 0.2
"""Seconds of looking through a volume, then the same time for what happens meanwhile."""
JUST_MOUNTED = 3.0
"""Seconds: what was written to a volume so shortly before it was watched is looked for. FAT counts in two seconds."""
LOOK_AFTER = 5.0
UNTOLD = 3.0
"""Seconds for which a change may wait in the kernel's queue and for others of its kind."""
"""Seconds between looks at whether the folders still exist, and between saves of "watched until now"."""


class Watcher(Protocol):
    """fanotify or inotify. `mode` names it, `blind_to` says what it cannot see ("" = sees all)."""

    mode: str
    blind_to: str

    def fileno(self) -> int: ...
    def watch(self, path: str, *, volume: bool) -> None: ...
    def unwatch(self, path: str) -> None: ...
    def unwatched(self) -> int: ...
    def overflowed(self) -> bool: ...
    def changes(self) -> list[Change]: ...
    def ending(self) -> None: ...
    def close(self) -> None: ...


def best_watcher(processes: Processes) -> Watcher:
    """fanotify where the kernel grants it, else inotify. Raises OSError when neither works."""
    from collectors.sources.blended import Blended

    try:
        return Blended(processes)
    except OSError:
        from collectors.sources.notified import Notified

        return Notified()


class FileAccess(Told):
    """rules/README.md, `file_access`."""

    action: str = ""
    target_filename: str = ""
    source_filename: str = ""
    size_bytes: int | None = None
    image: str = ""
    process_id: int | None = None
    user: str = ""
    protected: bool | None = None
    synced: bool | None = None
    removable: bool | None = None


class Listener(Protocol):
    """Who else wants to know (leak evidence, malware). Called in this source's thread."""

    def is_own(self, change: Change) -> bool: ...
    def signal(self, one: Change, volume: str | None) -> None:
        """Of an opening or a closing as it came, before signals are joined."""

    def change(self, one: Change, volume: str | None) -> None: ...


@dataclass
class Files:
    """`folders` are protected, `watch_out` copied to other places by some program (cloud synchronisation); both are
    absolute, without symbolic links."""

    folders: tuple[str, ...]
    memory: Memory
    processes: Processes = field(default_factory=Processes)
    watch_out: tuple[str, ...] = ()
    listeners: tuple[Listener, ...] = ()
    loop_is_removable: bool = False
    name: str = "files"
    sys: Path = SYS
    watcher: Callable[[Processes], Watcher] = best_watcher

    def run(self, feed: Feed, stop: threading.Event) -> None:
        """Blocks until `stop`. Raises OSError when the kernel refuses to watch at all."""
        with ExitStack() as stack:
            watcher = stack.enter_context(closing(self.watcher(self.processes)))
            table = stack.enter_context(MountTable())
            _Watch(self, feed, watcher, table).run(stop)


class _Watch:
    """One run of the source."""

    def __init__(self, source: Files, feed: Feed, watcher: Watcher, table: MountTable) -> None:
        self._source = source
        self._feed = feed
        self._watcher = watcher
        self._table = table
        self._coalescer = Coalescer()
        self._folders: dict[str, tuple[int, int]] = {}
        self._volumes: dict[str, str] = {}
        self._troubles: dict[str, str] = {}
        self._searches: deque[Iterator[Change | None]] = deque()
        self._unwatched = 0
        self._read_at = time.time()
        self._looked_at = 0.0
        self._owed = Owed(feed)

    def run(self, stop: threading.Event) -> None:
        before = self._source.memory.load()
        if isinstance(until := before.get("until"), int | float):
            self._owed.owe(float(until))
        self._look()
        self._look_for_volumes(since=None)
        self._catch_up(before)
        self._owed.told()
        poll = select.poll()
        poll.register(self._watcher.fileno(), select.POLLIN)
        poll.register(self._table.fileno(), CHANGED)
        while not stop.is_set():
            ready = {fd for fd, _ in poll.poll(self._patience() * 1000)}
            if self._source.processes.fed and self._watcher.fileno() in ready:
                stop.wait(TICK if self._searches else COMPANY)
            self._take()  # first: of a volume that was unmounted meanwhile, what happened on it is told yet
            if self._table.fileno() in ready:
                self._look_for_volumes(since=time.time() - JUST_MOUNTED)
            self._search()
            if time.monotonic() - self._looked_at >= LOOK_AFTER:
                self._look()
        self._watcher.ending()
        self._take()
        for change in self._coalescer.drain():
            self._tell(change)
        self._save(time.time())

    def _patience(self) -> float:
        if self._searches:
            return SEARCH_FOR
        return TICK if len(self._coalescer) else IDLE_TICK

    def _take(self) -> None:
        since, self._read_at = self._read_at, time.time()
        for change in self._watcher.changes():
            if change.kind in ("opened", "closed", "read"):
                for listener in self._source.listeners:
                    listener.signal(change, self._volume_of(change.path))
            for ready in self._coalescer.add(change):
                self._tell(ready)
        for ready in self._coalescer.due(time.time()):
            self._tell(ready)
        if self._watcher.overflowed():
            self._recover(since)

    def _recover(self, since: float) -> None:
        """The kernel's queue ran over: say so, and look for what changed."""
        self._feed.lost("the kernel's file event queue ran over", datetime.fromtimestamp(since, UTC))
        self._owed.owe(since)
        for top in (*self._folders, *self._volumes):
            self._watcher.watch(top, volume=top in self._volumes)
            self._tell_all_since(top, since)
        self._owed.told()

    def _catch_up(self, before: dict[str, object]) -> None:
        """After a restart: only folders that an earlier run had watched have a time nobody watched them; whatever
        volume is there now may have been written to."""
        until, had = before.get("until"), before.get("folders")
        if not isinstance(until, int | float) or not isinstance(had, list):
            return
        again = [top for top in self._folders if top in had]
        if not again and not self._volumes:
            return
        self._feed.blind("the agent was not running", datetime.fromtimestamp(until, UTC))
        for top in again:
            self._tell_all_since(top, float(until))
        self._searches.extend(search(point, float(until)) for point in self._volumes)

    def _search(self) -> None:
        """Look on through what was mounted: a disk may hold a million files, and the kernel's queue goes on filling."""
        if not self._searches:
            return
        until = time.monotonic() + SEARCH_FOR
        while self._searches and time.monotonic() < until:
            try:
                change = next(self._searches[0])
            except StopIteration:
                self._searches.popleft()
                continue
            if change is not None:
                self._tell(change)
        self._owed.told()

    def _tell_all_since(self, top: str, since: float) -> None:
        for change in changed_since(top, since):
            self._tell(change)

    def _look(self) -> None:
        """See that every protected folder is there and watched; one that was replaced is watched anew."""
        self._looked_at = time.monotonic()
        for top in (*self._source.folders, *self._source.watch_out):
            try:
                status = os.stat(top)
                if self._folders.get(top) != (status.st_dev, status.st_ino):
                    self._watcher.watch(top, volume=False)
                    self._folders[top] = (status.st_dev, status.st_ino)
                self._troubles.pop(top, None)
            except OSError as error:
                self._folders.pop(top, None)
                self._troubles[top] = f"folder {readable(top)} cannot be watched ({error.strerror})"
        self._report()
        self._save(min(self._read_at, self._feed.safe_until()) - UNTOLD)

    def _look_for_volumes(self, *, since: float | None) -> None:
        """Watch what was mounted; what was written to it after `since`, before it was watched, is told."""
        found = volumes.removable(
            self._table.read(), sys=self._source.sys, loop_is_removable=self._source.loop_is_removable
        )
        now = {volume.mount.point: volume.mount.device for volume in found}
        for point in self._volumes.keys() - now.keys():
            self._watcher.unwatch(point)
            self._troubles.pop(point, None)
        new = now.keys() - self._volumes.keys()
        for point in new:
            try:
                self._watcher.watch(point, volume=True)
            except OSError as error:
                self._troubles[point] = f"removable volume {readable(point)} cannot be watched ({error.strerror})"
        self._volumes = now
        if since is not None:
            self._searches.extend(search(point, since) for point in new)
            if new:
                self._owed.owe(since)
                self._owed.told()
        self._report()

    def _report(self) -> None:
        self._unwatched += self._watcher.unwatched()
        words = [self._watcher.blind_to, *self._troubles.values()]
        if self._unwatched:
            words.append(f"{self._unwatched} folders could not be watched (limit of the kernel, or no right)")
        self._feed.running(self._watcher.mode, "; ".join(word for word in words if word))

    def _save(self, until: float) -> None:
        """Were the agent killed now, what came after `until` might be lost: the next life looks for it."""
        until = self._owed.capped(until, searching=bool(self._searches))
        self._source.memory.save({"until": until, "folders": sorted(self._folders)})

    def _volume_of(self, path: str) -> str | None:
        return next((top for top in self._volumes if path.startswith(top + "/")), None)

    def _tell(self, change: Change) -> None:
        paths = [path for path in (change.path, change.old_path) if path]
        if any(listener.is_own(change) for listener in self._source.listeners):
            return
        for listener in self._source.listeners:
            listener.change(change, self._volume_of(change.path))
        who = change.who
        event = FileAccess(
            timestamp=format_time(datetime.fromtimestamp(change.at, UTC)),
            action=change.kind,
            target_filename=readable(change.path),
            source_filename=readable(change.old_path),
            size_bytes=_size(change.path),
            image=readable(who.image),
            process_id=who.pid or None,
            user=who.user,
            protected=any(_under(path, self._source.folders) for path in paths),
            synced=any(_under(path, self._source.watch_out) for path in paths) or None,
            removable=any(_under(path, self._volumes) for path in paths),
        )
        self._feed.tell(FILE_ACCESS, event)


def _under(path: str, tops: dict[str, str] | tuple[str, ...]) -> bool:
    return any(path.startswith(top + "/") for top in tops)


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except OSError:
        return None
