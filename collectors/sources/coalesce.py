"""From a kernel's many signals to what a person would say happened to a file. Pure: time is an argument.

Within `window` seconds, one process and one file give at most one event an action:
- `create` swallows the writing that fills the new file and waits for the close, so that it knows the size;
- `modify` stands for all writes until the close (or each `window` of a file that stays open);
- `read` is one opening for reading that was closed again; more of them within `window` add nothing;
- `delete` and `rename` are told at once, after what was still waiting for the same path.
Different processes, files and actions are never merged: counts of distinct files stay exact.
"""

from collections import OrderedDict
from typing import Literal, NamedTuple

from collectors.sources.who import NOBODY, Who

Kind = Literal["opened", "create", "modify", "closed", "read", "delete", "rename"]

WINDOW = 1.0
OPEN_FILES = 10_000


class Change(NamedTuple):
    """One signal in, one action out. `closed` = closed after being open for writing; it and `opened` only come in."""

    kind: Kind
    path: str
    at: float
    who: Who = NOBODY
    old_path: str = ""

    @property
    def key(self) -> tuple[int, str]:
        return self.who.pid, self.path


class Coalescer:
    """Feed signals in order; take back what is ready."""

    def __init__(self, window: float = WINDOW) -> None:
        self._window = window
        self._writing: OrderedDict[tuple[int, str], Change] = OrderedDict()
        self._reads: OrderedDict[tuple[int, str], float] = OrderedDict()
        self._still_open: OrderedDict[tuple[int, str], None] = OrderedDict()
        self._writers: dict[str, set[int]] = {}

    def add(self, change: Change) -> list[Change]:
        """What is ready to be told after `change`."""
        match change.kind:
            case "opened":
                return []
            case "create" | "modify":
                self._writing.setdefault(change.key, change)
                self._writers.setdefault(change.path, set()).add(change.who.pid)
                return []
            case "closed":
                return self._close(change)
            case "read":
                return self._read(change)
            case _:
                before = self._settle(change.old_path or change.path)
                return [*before, change]

    def due(self, now: float) -> list[Change]:
        """What waited for a close longer than the window."""
        ready = []
        while self._writing:
            key, change = next(iter(self._writing.items()))
            if abs(now - change.at) < self._window:  # from the future: the clock was set back
                break
            self._release(key)
            self._still_open[key] = None
            if len(self._still_open) > OPEN_FILES:
                self._still_open.popitem(last=False)
            ready.append(change)
        while self._reads and abs(now - next(iter(self._reads.values()))) >= self._window:
            self._reads.popitem(last=False)
        return ready

    def drain(self) -> list[Change]:
        """Everything that still waits."""
        ready = list(self._writing.values())
        self._writing.clear()
        self._writers.clear()
        return ready

    def __len__(self) -> int:
        return len(self._writing)

    def _close(self, change: Change) -> list[Change]:
        if change.key in self._writing:
            return [self._release(change.key)]
        if change.key in self._still_open:
            del self._still_open[change.key]
            return []
        return self._read(change._replace(kind="read"))  # open for writing, but nothing was written

    def _read(self, change: Change) -> list[Change]:
        last = self._reads.get(change.key)
        if last is not None and abs(change.at - last) < self._window:
            return []
        self._reads[change.key] = change.at
        self._reads.move_to_end(change.key)
        return [change]

    def _settle(self, path: str) -> list[Change]:
        return [self._release((pid, path)) for pid in sorted(self._writers.get(path, ()))]

    def _release(self, key: tuple[int, str]) -> Change:
        pid, path = key
        writers = self._writers[path]
        writers.discard(pid)
        if not writers:
            del self._writers[path]
        return self._writing.pop(key)
