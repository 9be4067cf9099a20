"""Correlation types that are told the moment they are fulfilled, over a window that slides with the events.

event_count, value_count, value_sum and temporal ("Correlation Types" of the specification). Sightings come in order of
time (`timeline` sees to it). A hit begins with the first window of one timespan that fulfils the condition, and goes on
while no pause is longer than the timespan; afterwards a new one may begin.
"""

import math
from bisect import bisect_left

import msgspec

from detectors.sigma.rule import Correlation
from detectors.sigma.sighting import Session, Sighting, session_of

RECENT = 1_000
"""Sightings kept apart in one unfulfilled window; older ones beyond are merged two by two. Not for event_count, whose
window is never larger than the count asked for."""


class Sliding(msgspec.Struct, tag="sliding"):
    """`recent`, `latest` (the last time of each value), `total` are of an unfulfilled window, `session` of a hit."""

    recent: list[Sighting] = []
    latest: dict[int, float] = {}
    total: float = 0.0
    session: Session | None = None

    def take(self, correlation: Correlation, sighting: Sighting) -> Session | None:
        """The next sighting in order of time. Gives the hit that it begins or belongs to."""
        if self.session is not None:
            if sighting.time <= self.session.last + correlation.timespan:
                self.session.take(sighting)
                return self.session
            self.session = None
        self._add(correlation, sighting)
        if not self._fulfilled(correlation):
            return None
        self.session = session_of(self.recent, sighting.time)
        self.recent, self.latest, self.total = [], {}, 0.0
        return self.session

    def _add(self, correlation: Correlation, sighting: Sighting) -> None:
        oldest = sighting.time - correlation.timespan
        gone = bisect_left(self.recent, oldest, key=_time)
        if gone and correlation.type == "value_sum":
            self.total = math.fsum(kept.number for kept in self.recent[gone:])
        del self.recent[:gone]
        while self.latest and self.latest[value := next(iter(self.latest))] < oldest:
            del self.latest[value]
        self.recent.append(sighting)
        self.total += sighting.number
        if correlation.type != "event_count":
            self.latest.pop(sighting.value, None)
            self.latest[sighting.value] = sighting.time
            if len(self.recent) > RECENT:
                self.recent[: RECENT // 2] = _merged(self.recent[: RECENT // 2])

    def _fulfilled(self, correlation: Correlation) -> bool:
        if correlation.type == "event_count":
            return correlation.condition.holds(len(self.recent))
        if correlation.type == "value_sum":
            return correlation.condition.holds(self.total)
        if correlation.type == "value_count":
            return correlation.condition.holds(len(self.latest))
        return correlation.condition.holds_for(self.latest.keys())


def _time(sighting: Sighting) -> float:
    return sighting.time


def _merged(sightings: list[Sighting]) -> list[Sighting]:
    """Every two as one, at the time of the later."""
    return [
        msgspec.structs.replace(later, weight=early.weight + later.weight, number=early.number + later.number)
        for early, later in zip(sightings[::2], sightings[1::2], strict=True)
    ]
