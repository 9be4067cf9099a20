"""A memory of results with a bound and counters."""

from collections.abc import Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key")
Result = TypeVar("Result")


class Bounded(Generic[Key, Result]):
    """At most `most` results; when full it is emptied, which costs one relearning and no bookkeeping for each hit."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[Key, Result] = {}
        self.get = self._kept.get
        self.misses = 0
        self.emptied = 0

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._kept)

    def keep(self, key: Key, result: Result) -> None:
        """Remembers what `get` did not find."""
        self.misses += 1
        if len(self._kept) >= self._most:
            self._kept.clear()
            self.emptied += 1
        self._kept[key] = result
