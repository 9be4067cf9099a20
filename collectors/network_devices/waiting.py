"""Sets of flow records that came before the template which describes them: kept until it comes.

An exporter sends its templates again every so often (commonly each 1 to 30 minutes); who begins to listen in between
would lose what it sends until then. Bounded in bytes and time, for all exporters together and for each.
"""

from collections import Counter, OrderedDict, deque
from typing import NamedTuple

MOST_BYTES = 4 * 1024 * 1024
OF_ONE = 1024 * 1024
"""Bytes for one exporter: one that never sends a template must not push out the others."""
PATIENCE = 35 * 60.0
"""Seconds: longer than the half hour after which exporters send templates again."""
_ROOM = 256
"""Bytes that a set takes in memory besides its own."""

Key = tuple[str, int, int, int]
"""Exporter, version, domain, number of the template."""


class Source(NamedTuple):
    """Of one datagram; times in ns since 1970: when it was sent, when the exporter started."""

    version: int
    exporter: str
    domain: int
    exported: int
    boot: int


class _Set(NamedTuple):
    key: Key
    source: Source
    body: bytes
    since: float

    @property
    def room(self) -> int:
        return len(self.body) + _ROOM


class Waiting:
    """Without I/O: sets and the time in; out come those whose template is there, and counts of those given up."""

    def __init__(self) -> None:
        self._sets: OrderedDict[Key, deque[_Set]] = OrderedDict()
        self._bytes: Counter[str] = Counter()
        self._given_up: Counter[str] = Counter()

    def keep(self, key: Key, source: Source, body: bytes, now: float) -> None:
        """`now` in seconds of any steady clock. Without room for it: the exporter's own new one, else all of the
        template that was waited for longest, are given up."""
        new = _Set(key, source, body, now)
        if self._bytes[source.exporter] + new.room > OF_ONE:
            self._given_up[source.exporter] += 1
            return
        while self._bytes.total() + new.room > MOST_BYTES:
            self._drop(next(iter(self._sets)))
        self._sets.setdefault(key, deque()).append(new)
        self._bytes[source.exporter] += new.room

    def take(self, key: Key) -> list[tuple[Source, bytes]]:
        """The sets that waited for this template, in the order they came."""
        return [(one.source, one.body) for one in self._remove(key)]

    def by_exporter(self) -> Counter[str]:
        """How many sets wait."""
        counts: Counter[str] = Counter()
        for key, sets in self._sets.items():
            counts[key[0]] += len(sets)
        return counts

    def given_up(self, now: float) -> Counter[str]:
        """Sets by exporter that were given up since the last call; `now` as in `keep`, infinite at the end."""
        for key in [key for key, sets in self._sets.items() if now - sets[0].since > PATIENCE]:
            self._drop(key)
        given, self._given_up = self._given_up, Counter()
        return given

    def _drop(self, key: Key) -> None:
        self._given_up[key[0]] += len(self._remove(key))

    def _remove(self, key: Key) -> deque[_Set]:
        sets = self._sets.pop(key, deque())
        for one in sets:
            self._bytes[one.source.exporter] -= one.room
        if self._bytes.get(key[0]) == 0:
            del self._bytes[key[0]]
        return sets
