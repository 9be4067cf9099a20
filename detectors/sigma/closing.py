"""Correlation types that can be judged only when the window is over.

value_avg, value_percentile, value_median, and every condition that more events may undo: fewer than, unlike, `not`. A
window begins with the first sighting and lasts one timespan; the next begins with the first sighting after it. Only
what is of at least one event can be told: nothing happening at all is no event.
"""

import math
import statistics

import msgspec

from detectors.sigma.rule import Correlation
from detectors.sigma.sighting import VALUES, Session, Sighting, session_of


class Closing(msgspec.Struct, tag="closing"):
    """`window` is the open one; `numbers` its values, of which at most `VALUES` are kept (the first ones)."""

    window: Session | None = None
    numbers: list[float] = []

    def take(self, correlation: Correlation, sighting: Sighting) -> Session | None:
        """The next sighting in order of time. Gives the window that it shows to be over, if that is a hit."""
        over = self.close(correlation, sighting.time)
        if self.window is None:
            self.window = session_of([sighting], sighting.time)
        else:
            self.window.take(sighting)
        if len(self.numbers) < VALUES:
            self.numbers.append(sighting.number)
        return over

    def close(self, correlation: Correlation, through: float) -> Session | None:
        """The window, if it ended before `through` and is a hit."""
        if self.window is None or self.window.start + correlation.timespan >= through:
            return None
        window, numbers = self.window, self.numbers
        self.window, self.numbers = None, []
        window.judged = _measured(correlation, window, numbers)
        if correlation.type == "temporal":
            return window if correlation.condition.holds_for(window.values) else None
        return window if correlation.condition.holds(window.judged) else None


def _measured(correlation: Correlation, window: Session, numbers: list[float]) -> float:
    match correlation.type:
        case "value_sum":
            return math.fsum(numbers) if window.count <= VALUES else window.total
        case "value_avg":
            return math.fsum(numbers) / len(numbers) if window.count <= VALUES else window.total / window.count
        case "value_median":
            return statistics.median(numbers)
        case "value_percentile":
            return percentile(numbers, correlation.condition.percentile)
        case "event_count":
            return window.count
        case _:
            return len(window.values)


def percentile(numbers: list[float], percent: int) -> float:
    """By nearest rank: the smallest value that at least `percent` of the values do not exceed."""
    return sorted(numbers)[max(0, math.ceil(len(numbers) * percent / 100) - 1)]
