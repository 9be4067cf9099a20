"""Memories of results, with a bound and counters."""

from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Result = TypeVar("Result")

LONG = 1_000
"""Characters; texts beyond are seldom the same twice."""


class _Counted:
    """`misses`: keys that were not known; `missed`: those since the last `mark`; `emptied`: how often it was full."""

    def __init__(self) -> None:
        self.misses = 0
        self.emptied = 0
        self._marked = 0

    @property
    def missed(self) -> int:
        return self.misses - self._marked

    def mark(self) -> None:
        """Count `missed` from here."""
        self._marked = self.misses


class Bounded(_Counted, Generic[Key, Result]):
    """At most `most` results; when full it is emptied, which costs one relearning and no bookkeeping for each hit."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._kept: dict[Key, Result] = {}
        self.get = self._kept.get

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, key: Key, result: Result) -> None:
        """Remembers what `get` did not find."""
        self.misses += 1
        if len(self._kept) >= self._most:
            self._kept.clear()
            self.emptied += 1
        self._kept[key] = result


class Memory(_Counted, dict[Key, Result]):
    """The same for results that `work_out` makes of their keys: `memory[key]`, and `map(memory.__getitem__, keys)`.

    A key that `is_long` says is large is worked out each time; with `most` 0 all are.
    """

    def __init__(self, most: int, work_out: Callable[[Key], Result], is_long: Callable[[Key], bool]) -> None:
        super().__init__()
        self._most = most
        self._work_out = work_out
        self._is_long = is_long

    def __missing__(self, key: Key) -> Result:
        self.misses += 1
        result = self._work_out(key)
        if self._most and not self._is_long(key):
            if len(self) >= self._most:
                self.clear()
                self.emptied += 1
            self[key] = result
        return result


def is_long(value: object) -> bool:
    """Is it a text too long to be remembered?"""
    return isinstance(value, str) and len(value) > LONG
