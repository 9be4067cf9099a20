"""Programs that start and files that are used, with who, from `eslogger` (macOS 13, root, Full Disk Access)."""

import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from collectors.macos.eslogger import PROCESS_CREATION, WANTED, Messages, Mounted, Started
from collectors.sources.coalesce import Change, Coalescer
from collectors.sources.feed import Feed
from collectors.sources.observed import under
from collectors.sources.who import readable, user_name
from jikimi.domain.logsource import FILE_ACCESS

ESLOGGER = "/usr/bin/eslogger"
MOST_WAITING = 65_536
"""Lines kept for the source's thread; above it the pipe fills, and the kernel's own holes tell what was lost."""
TICK = 0.25


@dataclass
class Endpoint:
    """`folders` are protected; `volumes` gives where removable volumes are mounted now."""

    folders: tuple[str, ...]
    volumes: Callable[[], Iterable[str]]
    own: set[int]
    watch_out: tuple[str, ...] = ()
    tell_processes: bool = True
    command: tuple[str, ...] = (ESLOGGER, *WANTED)
    name: str = field(default="files", init=False)

    def run(self, feed: Feed, stop: threading.Event) -> None:
        """Blocks until `stop`. Raises OSError when eslogger cannot be had or ends."""
        with subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603
            self.own.add(process.pid)
            lines = _Lines(process)
            feed.running("eslogger")
            try:
                _Watch(self, feed).run(lines, stop)
            finally:
                process.kill()
                self.own.discard(process.pid)


class _Lines:
    """A thread that reads, so that nobody waits in a pipe when the agent shall end."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._waiting: deque[bytes] = deque()
        self._room = threading.Semaphore(MOST_WAITING)
        threading.Thread(target=self._read, name="eslogger", daemon=True).start()

    def take(self) -> list[bytes]:
        """Raises OSError when no more will come."""
        found = [self._waiting.popleft() for _ in range(len(self._waiting))]
        for _ in found:
            self._room.release()
        if not found and self._process.poll() is not None:
            said = self._process.stderr.read(300).decode("utf-8", "replace").strip() if self._process.stderr else ""
            raise OSError(f"eslogger ended: {said or self._process.returncode}")
        return found

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._room.acquire()
            self._waiting.append(line)


class _Watch:
    def __init__(self, source: Endpoint, feed: Feed) -> None:
        self._source = source
        self._feed = feed
        self._messages = Messages(user_name)
        self._coalescer = Coalescer()
        self._lost = 0

    def run(self, lines: _Lines, stop: threading.Event) -> None:
        while not stop.is_set():
            found = lines.take()
            for line in found:
                self._take(line)
            for change in self._coalescer.due(time.time()):
                self._tell(change)
            if self._messages.lost > self._lost:
                count, self._lost = self._messages.lost - self._lost, self._messages.lost
                self._feed.lost("the kernel dropped messages of Endpoint Security", datetime.now(UTC), count)
            if not found:
                stop.wait(TICK)
        for change in self._coalescer.drain():
            self._tell(change)

    def _take(self, line: bytes) -> None:
        for told in self._messages.feed(line):
            if isinstance(told, Started):
                if self._source.tell_processes:
                    self._feed.emit(PROCESS_CREATION, told.fields, datetime.fromtimestamp(told.at, UTC))
            elif isinstance(told, Mounted):
                continue  # the media source tells it, with the stick's name
            elif told.who.pid not in self._source.own and self._watched(told):
                for change in self._coalescer.add(told):
                    self._tell(change)

    def _watched(self, change: Change) -> bool:
        tops = (*self._source.folders, *self._source.watch_out, *self._source.volumes())
        return under(change.path, tops) or under(change.old_path, tops)

    def _tell(self, change: Change) -> None:
        paths = (change.path, change.old_path)
        self._feed.emit(
            FILE_ACCESS,
            {
                "Action": change.kind,
                "TargetFilename": readable(change.path),
                "SourceFilename": readable(change.old_path),
                **change.who.fields(),
                "Protected": any(under(path, self._source.folders) for path in paths),
                "Synced": any(under(path, self._source.watch_out) for path in paths) or None,
                "Removable": any(under(path, self._source.volumes()) for path in paths),
            },
            datetime.fromtimestamp(change.at, UTC),
        )
