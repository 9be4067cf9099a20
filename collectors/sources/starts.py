"""What /proc said of programs just after they started, kept until the records of their starts are taken in in order."""

from collections import OrderedDict

from collectors.sources.who import Seen

SAME_START = 50_000_000
"""Nanoseconds: the kernel records a start twice, one after the other, each with a time of its own."""
KEPT = 10_000_000_000
"""Nanoseconds after which a start that was never taken is forgotten: its record was lost."""


class Starts:
    """A process may start several programs in a row. Times are nanoseconds of one clock. For one thread at a time."""

    def __init__(self) -> None:
        self._noted: OrderedDict[int, list[tuple[int, Seen | None]]] = OrderedDict()

    def note(self, pid: int, at: int, seen: Seen | None) -> None:
        """`seen` is None when the process had already gone."""
        self._noted.setdefault(pid, []).append((at, seen))

    def take(self, pid: int, at: int) -> tuple[bool, Seen | None]:
        """Whether this start was noted, and as what."""
        noted = self._noted.get(pid, [])
        nearest = min(noted, key=lambda one: abs(one[0] - at), default=None)
        if nearest is None or abs(nearest[0] - at) > SAME_START:
            return False, None
        noted.remove(nearest)
        if not noted:
            del self._noted[pid]
        return True, nearest[1]

    def forget(self, now: int) -> None:
        while self._noted and now - next(iter(self._noted.values()))[-1][0] > KEPT:
            self._noted.popitem(last=False)
