"""Was the computer's clock moved: the wall clock against a counter that nobody can set, and against the centre's."""

import time
from collections.abc import Callable

JUMP = 5.0
"""Seconds that the wall clock may run away from the counter before it is told."""
APART = 60.0
"""Seconds that this computer and its centre may differ: an answer that took long explains less."""

Clocks = Callable[[], tuple[float, float]]
"""(wall clock, counter) in seconds, read at one moment."""


def clocks() -> tuple[float, float]:
    """Read again when something else ran in between."""
    while True:
        before, wall, after = _counter(), time.time(), _counter()
        if after - before < 0.5:
            return wall, after


def _counter() -> float:
    """On Linux it goes on while the computer sleeps (clock_gettime(2), CLOCK_BOOTTIME), as Windows' own does."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class ClockWatch:
    """Pure. `lead` is what the wall clock was ahead of the counter when it was last told of, or first seen."""

    def __init__(self, lead: float) -> None:
        self.lead = lead
        self._apart = 0.0

    def look(self, wall: float, counter: float) -> float:
        """Seconds that the clock was moved by since it was last told; 0.0 = it was not. Small steps add up."""
        moved = wall - counter - self.lead
        if abs(moved) <= JUMP:
            return 0.0
        self.lead += moved
        return moved

    def heard(self, ahead: float) -> float | None:
        """`ahead` is this computer's clock less the centre's; what to tell, None = nothing new. 0.0 = right again."""
        if abs(ahead - self._apart) <= APART:
            return None
        self._apart = ahead if abs(ahead) > APART else 0.0
        return self._apart
