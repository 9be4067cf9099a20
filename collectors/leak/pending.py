"""What waits to be looked at, bounded and counted: written files until they are quiet, documents that changed."""

from collections import OrderedDict
from typing import NamedTuple

from collectors.sources.who import Who

WRITES, DOCUMENTS = 20_000, 20_000
OTHERS = 8
"""Writers remembered of one file, besides the last."""
QUIET = 1.5
"""Seconds without a further write after which a file is examined: its last close has been told by then, too."""


class Write(NamedTuple):
    """A file outside: on a removable volume (`mount` is its mount point) or in a synchronised folder."""

    path: str
    at: float
    who: Who
    size: int = 0
    inode: int = 0
    handle: bytes = b""
    mount: str = ""
    removable: bool = False
    others: tuple[Who, ...] = ()
    """Who else wrote it since it was last examined, the latest first."""


class Pending:
    """Not thread-safe: whoever shares it holds a lock."""

    def __init__(self, writes: int = WRITES, documents: int = DOCUMENTS) -> None:
        self._writes: OrderedDict[str, Write] = OrderedDict()
        self._documents: OrderedDict[str, float] = OrderedDict()
        self._most_writes = writes
        self._most_documents = documents
        self._lost = 0
        self.overlooked = False
        """Documents changed that found no room: the folders must be looked through again."""

    def wrote(self, one: Write) -> None:
        """A later write of the same file takes the place of the earlier one."""
        if earlier := self._writes.pop(one.path, None):
            writers = dict.fromkeys((earlier.who, *earlier.others))
            writers.pop(one.who, None)
            one = one._replace(others=tuple(writers)[:OTHERS])
        self._writes[one.path] = one
        if len(self._writes) > self._most_writes:
            self._writes.popitem(last=False)
            self._lost += 1

    def renamed(self, old: str, one: Write) -> None:
        """Also a file that was examined under its old name is examined again: what its name is, is evidence."""
        earlier = self._writes.pop(old, None)
        self.wrote(one._replace(who=earlier.who, others=earlier.others) if earlier else one)

    def removed(self, path: str) -> None:
        self._writes.pop(path, None)

    def changed(self, path: str, at: float) -> None:
        """A protected document."""
        self._documents.pop(path, None)
        if len(self._documents) >= self._most_documents:
            self.overlooked = True
            return
        self._documents[path] = at

    def due_write(self, now: float) -> Write | None:
        """The oldest that is quiet, taken out."""
        if self._writes and _is_quiet(next(iter(self._writes.values())).at, now):
            return self._writes.popitem(last=False)[1]
        return None

    def due_document(self, now: float) -> str | None:
        if self._documents and _is_quiet(next(iter(self._documents.values())), now):
            return self._documents.popitem(last=False)[0]
        return None

    def lost(self) -> int:
        """Writes that found no room since the last call."""
        count, self._lost = self._lost, 0
        return count

    def __len__(self) -> int:
        return len(self._writes)


def _is_quiet(at: float, now: float) -> bool:
    """A time in the future is from before the clock was set back: it must not hold up all that follows."""
    return abs(now - at) >= QUIET
