"""Protected folders and removable volumes under watchdog's own observer: ReadDirectoryChangesW and FSEvents.

What happens is seen, not who did it; `who` may know it from elsewhere (Windows' audit of object access).
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import ObservedWatch

from collectors.sources.catchup import changed_since
from collectors.sources.coalesce import Change, Coalescer, Kind
from collectors.sources.feed import Feed
from collectors.sources.memory import Memory
from collectors.sources.owed import Owed
from collectors.sources.who import NOBODY, Who, readable
from jikimi.domain.logsource import FILE_ACCESS

TICK = 0.5
SAVE_AFTER = 5.0
UNTOLD = 2.0
"""Seconds for which a change may wait for its signal and for others of its kind."""
MOST_WAITING = 65_536
"""Signals kept for the source's thread; what comes above is told as a gap."""
_KINDS: dict[str, Kind] = {"created": "create", "modified": "modify", "closed": "closed", "deleted": "delete"}


class Signals(FileSystemEventHandler):
    """Runs in watchdog's thread, so it only notes."""

    def __init__(self) -> None:
        self.waiting: deque[Change] = deque()
        self.lost = 0

    def on_any_event(self, event: FileSystemEvent) -> None:
        path, target = os.fsdecode(event.src_path), os.fsdecode(event.dest_path)
        if len(self.waiting) >= MOST_WAITING:
            self.lost += 1
        elif event.event_type == "moved":
            self.waiting.append(Change("rename", target, time.time(), old_path=path))
        elif not event.is_directory and (kind := _KINDS.get(event.event_type)):
            self.waiting.append(Change(kind, path, time.time()))


def _unknown(_: str) -> Who:
    return NOBODY


@dataclass
class Observed:
    """`folders` are protected, `watch_out` copied elsewhere by some program; `volumes` gives where removable volumes
    are mounted now."""

    folders: tuple[str, ...]
    memory: Memory
    volumes: Callable[[], Iterable[str]]
    watch_out: tuple[str, ...] = ()
    who: Callable[[str], Who] = _unknown
    blind_to: str = "what happens to files is seen, but not reading, and not which program or person did it"
    name: str = field(default="files", init=False)

    def run(self, feed: Feed, stop: threading.Event) -> None:
        """Blocks until `stop`."""
        observer, signals = Observer(), Signals()
        observer.start()
        try:
            watching = _Watching(self, feed, signals, lambda top: observer.schedule(signals, top, recursive=True))
            watching.catch_up()
            while not stop.is_set():
                for gone in watching.look():
                    with suppress(KeyError, OSError):
                        observer.unschedule(gone)
                watching.take()
                stop.wait(TICK)
            watching.end()
        finally:
            observer.stop()
            observer.join(5)


class _Watching:
    """One run of the source. `schedule` begins to watch a folder; it may raise OSError."""

    def __init__(
        self, source: Observed, feed: Feed, signals: Signals, schedule: Callable[[str], ObservedWatch]
    ) -> None:
        self._source = source
        self._feed = feed
        self._signals = signals
        self._schedule = schedule
        self._coalescer = Coalescer()
        self._watches: dict[str, ObservedWatch] = {}
        self._removable: set[str] = set()
        self._saved_at = 0.0
        self._owed = Owed(feed)

    def look(self) -> list[ObservedWatch]:
        """Watch what came; the watches of what has gone."""
        self._removable = set(self._source.volumes())
        wanted = {*self._source.folders, *self._source.watch_out, *self._removable}
        gone = [self._watches.pop(top) for top in self._watches.keys() - wanted]
        troubles = [self._source.blind_to]
        for top in sorted(wanted - self._watches.keys()):
            try:
                self._watches[top] = self._schedule(top)
            except OSError as error:
                troubles.append(f"{readable(top)} cannot be watched ({error.strerror})")
        self._feed.running("watchdog", "; ".join(filter(None, troubles)))
        return gone

    def take(self) -> None:
        now = time.time()
        while self._signals.waiting:
            for ready in self._coalescer.add(self._signals.waiting.popleft()):
                self._tell(ready)
        for ready in self._coalescer.due(now):
            self._tell(ready)
        if lost := self._signals.lost:
            self._signals.lost = 0
            self._feed.lost("files changed faster than could be told", datetime.now(UTC), lost)
        if now - self._saved_at >= SAVE_AFTER:
            self._save(min(now, self._feed.safe_until()) - UNTOLD)

    def catch_up(self) -> None:
        """After a restart: what changed while nobody watched."""
        before = self._source.memory.load()
        until, had = before.get("until"), before.get("folders")
        if not isinstance(until, int | float) or not isinstance(had, list):
            return
        self._owed.owe(float(until))
        again = [top for top in self._source.folders if top in had]
        if again:
            self._feed.blind("the agent was not running", datetime.fromtimestamp(until, UTC))
        for top in again:
            for change in changed_since(top, float(until)):
                self._tell(change)
        self._owed.told()

    def end(self) -> None:
        self.take()
        for change in self._coalescer.drain():
            self._tell(change)
        self._save(time.time())

    def _save(self, until: float) -> None:
        """Were the agent killed now, what came after `until` might be lost: the next life looks for it."""
        until = self._owed.capped(until)
        self._source.memory.save({"until": until, "folders": sorted(self._source.folders)})
        self._saved_at = time.time()

    def _tell(self, change: Change) -> None:
        paths = [path for path in (change.path, change.old_path) if path]
        who = change.who if change.who.pid else self._source.who(change.path)
        size = None
        with suppress(OSError):
            size = os.stat(change.path).st_size
        self._feed.emit(
            FILE_ACCESS,
            {
                "Action": change.kind,
                "TargetFilename": readable(change.path),
                "SourceFilename": readable(change.old_path),
                "SizeBytes": size,
                **who.fields(),
                "Protected": any(under(path, self._source.folders) for path in paths),
                "Synced": any(under(path, self._source.watch_out) for path in paths) or None,
                "Removable": any(under(path, self._removable) for path in paths),
            },
            datetime.fromtimestamp(change.at, UTC),
        )


def under(path: str, tops: Iterable[str]) -> bool:
    """Whether `path` lies below one of `tops`; case counts as the system counts it (os.path.normcase)."""
    plain = os.path.normcase(path)
    return any(plain.startswith(os.path.join(os.path.normcase(top), "")) for top in tops)
