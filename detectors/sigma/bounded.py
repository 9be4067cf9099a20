"""Memories of results, with a bound and counters."""

from collections.abc import Callable
from typing import TypeVar

Key = TypeVar("Key")
Result = TypeVar("Result")

LONG = 1_000
"""Characters; texts beyond are seldom the same twice."""


class Bounded(dict[Key, Result]):
    """At most `most` results, none of them None, in two halves: when the newer is full, the older is forgotten.

    So what is asked for again and again stays, without bookkeeping for each hit: `get` looks into the newer half alone,
    `older` into the other, `find` into both. `misses`: keys that were not known; `emptied`: how often a half was
    forgotten.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._half = most // 2
        self._older: dict[Key, Result] = {}
        self.misses = 0
        self.emptied = 0
        self._marked = 0

    def find(self, key: Key) -> Result | None:
        """What is remembered."""
        result = self.get(key)
        return self.older(key) if result is None else result

    def older(self, key: Key) -> Result | None:
        """The same of a key that is not in the newer half."""
        result = self._older.get(key) if self._older else None
        if result is None:
            self.misses += 1
        else:
            self.keep(key, result)
        return result

    def keep(self, key: Key, result: Result) -> None:
        """Remembers."""
        if len(self) >= self._half:
            self.emptied += bool(self._older)
            self._older = dict(self)
            self.clear()
        self[key] = result

    @property
    def missed(self) -> int:
        """Misses since the last `mark`."""
        return self.misses - self._marked

    def mark(self) -> None:
        """Count `missed` from here."""
        self._marked = self.misses


class Memory(Bounded[Key, Result]):
    """The same for results that `work_out` makes of their keys: `memory[key]`, and `map(memory.__getitem__, keys)`.

    A key that `is_long` says is large is worked out each time; with `most` 0 all are.
    """

    def __init__(self, most: int, work_out: Callable[[Key], Result], is_long: Callable[[Key], bool]) -> None:
        super().__init__(most)
        self._work_out = work_out
        self._is_long = is_long

    def __missing__(self, key: Key) -> Result:
        result = self.older(key)
        if result is None:
            result = self._work_out(key)
            if self._half and not self._is_long(key):
                self.keep(key, result)
        return result


def is_long(value: object) -> bool:
    """Is it a text too long to be remembered?"""
    return isinstance(value, str) and len(value) > LONG
