"""Things put back into the order of their time: files are read one after the other, and some are written newest first,
while correlations count what happens in its order."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Reorder(Generic[Thing]):
    """Holds at most so many things back; of more, the older half goes out."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: list[tuple[float, Thing]] = []

    def add(self, time: float, thing: Thing) -> None:
        """Things of one time keep the order in which they came."""
        self._held.append((time, thing))

    def due(self) -> Sequence[Thing]:
        """Those that can be held no longer, in order of time."""
        return self._give(len(self._held) // 2) if len(self._held) > self._most else ()

    def rest(self) -> Sequence[Thing]:
        """All the others, in order of time: nothing more is to come."""
        return self._give(len(self._held))

    def _give(self, count: int) -> list[Thing]:
        self._held.sort(key=itemgetter(0))
        given, self._held = self._held[:count], self._held[count:]
        return [thing for _, thing in given]
