"""Ordered Temporal Proximity (temporal_ordered): the rules match one after the other within the timespan.

Sightings come in order of time (`timeline` sees to it). When a hit begins and how it goes on is as in `sliding`.
"""

import msgspec

from detectors.sigma.rule import Correlation
from detectors.sigma.sighting import Session, Sighting, session_of


class Ordered(msgspec.Struct, tag="ordered"):
    """`chain[n]` holds the sightings of the rules 0 to n that began latest of all that got so far."""

    chain: list[list[Sighting]] = []
    session: Session | None = None

    def take(self, correlation: Correlation, sighting: Sighting) -> Session | None:
        """The next sighting in order of time. Gives the hit that it begins or belongs to."""
        if self.session is not None:
            if sighting.time <= self.session.last + correlation.timespan:
                self.session.take(sighting)
                return self.session
            self.session = None
        self._follow(correlation, sighting)
        if not self.chain[-1]:
            return None
        self.session = session_of(self.chain[-1], sighting.time)
        self.chain = []
        return self.session

    def _follow(self, correlation: Correlation, sighting: Sighting) -> None:
        rules = correlation.rules
        if not self.chain:
            self.chain = [[] for _ in rules]
        for place in reversed(range(len(rules))):
            if rules[place] != rules[sighting.place]:
                continue
            before = self.chain[place - 1] if place else []
            if place == 0 or (before and sighting.time - before[0].time <= correlation.timespan):
                self.chain[place] = [*before, sighting]
