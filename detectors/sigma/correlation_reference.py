"""The plain evaluator of correlations: the whole list of one group's sightings at once, nothing kept, nothing clever.

Slow and meant to be obviously right; `timeline` and what runs in it are held equal to it by tests.
"""

from collections.abc import Callable, Sequence

from detectors.sigma.closing import percentile
from detectors.sigma.rule import Correlation
from detectors.sigma.sighting import Sighting

Hit = tuple[Sighting, ...]
"""Everything that belongs to a hit, in order of time."""


def hits_of(correlation: Correlation, sightings: Sequence[Sighting]) -> list[Hit]:
    """Every hit, first to last."""
    in_order = sorted(sightings)
    return _windows_over(correlation, in_order) if correlation.waits else _windows_met(correlation, in_order)


def _windows_met(correlation: Correlation, in_order: list[Sighting]) -> list[Hit]:
    """A hit is the first window that fulfils the condition and what follows it without too long a pause."""
    hits: list[Hit] = []
    begin = 0
    place = 0
    while place < len(in_order):
        oldest = in_order[place].time - correlation.timespan
        window = [sighting for sighting in in_order[begin : place + 1] if sighting.time >= oldest]
        fulfilled = _fulfilling(correlation, window)
        place += 1
        if fulfilled:
            while place < len(in_order) and in_order[place].time <= in_order[place - 1].time + correlation.timespan:
                fulfilled.append(in_order[place])
                place += 1
            hits.append(tuple(fulfilled))
            begin = place
    return hits


def _fulfilling(correlation: Correlation, window: list[Sighting]) -> list[Sighting]:
    """The sightings that fulfil the condition, the last of the window among them; none when it is not fulfilled."""
    if correlation.type == "temporal_ordered":
        return _in_order(correlation, window)
    return window if _holds(correlation, window) else []


def _in_order(correlation: Correlation, window: list[Sighting]) -> list[Sighting]:
    """One sighting a rule in the order of the rules, the last of the window at the end: of these, the latest."""
    chains: list[list[Sighting]] = [[]]
    for rule in correlation.rules:
        chains = [
            [*chain, sighting]
            for chain in chains
            for place, sighting in enumerate(window)
            if correlation.rules[sighting.place] == rule and (not chain or place > window.index(chain[-1]))
        ]
    whole = [chain for chain in chains if chain[-1] is window[-1]]
    return max(whole, default=[])


def _windows_over(correlation: Correlation, in_order: list[Sighting]) -> list[Hit]:
    """Windows one after the other, each from its first sighting on; those that fulfil the condition when over."""
    windows: list[list[Sighting]] = []
    for sighting in in_order:
        if windows and sighting.time <= windows[-1][0].time + correlation.timespan:
            windows[-1].append(sighting)
        else:
            windows.append([sighting])
    return [tuple(window) for window in windows if _holds(correlation, window)]


def _holds(correlation: Correlation, window: list[Sighting]) -> bool:
    condition = correlation.condition
    numbers = [sighting.number for sighting in window]
    if correlation.type == "temporal":
        return condition.holds_for({sighting.value for sighting in window})
    measures: dict[str, Callable[[], float]] = {
        "event_count": lambda: len(window),
        "value_count": lambda: len({sighting.value for sighting in window}),
        "value_sum": lambda: sum(numbers),
        "value_avg": lambda: sum(numbers) / len(numbers),
        "value_median": lambda: _median(sorted(numbers)),
        "value_percentile": lambda: percentile(numbers, condition.percentile),
    }
    return condition.holds(measures[correlation.type]())


def _median(numbers: list[float]) -> float:
    middle = len(numbers) // 2
    return numbers[middle] if len(numbers) % 2 else (numbers[middle - 1] + numbers[middle]) / 2
