"""What a correlation sees of a match, and what it has to tell when it is fulfilled."""

import hashlib
from bisect import insort

import msgspec

from detectors.sigma.rule import Correlation

EVIDENCE = 100
"""Ids kept of one hit, the earliest."""
VALUES = 10_000
"""Distinct values told apart in one hit; the count stops rising there."""


class Sighting(msgspec.Struct, frozen=True, array_like=True, order=True):
    """One match of the rule at `place` of the correlation's rules; `time` is seconds since 1970.

    Sightings sort by time, then by the order of the rules: two events of the same instant count as being in order.
    `value` is a digest of the counted values, `number` the value to calculate with, `weight` how many matches were
    merged into this one.
    """

    time: float
    place: int
    event_id: str
    value: int = 0
    number: float = 0.0
    weight: int = 1


class Session(msgspec.Struct):
    """A fulfilled correlation: everything of the group since `start`, with no pause longer than the timespan.

    `fired_at` is when the condition was first met; nothing that happened later can change `start`.
    """

    start: float
    fired_at: float
    last: float
    count: int
    ids: list[tuple[float, str]]
    values: set[int]
    total: float = 0.0
    judged: float | None = None
    """What was measured of a window that was judged when it was over."""

    def take(self, sighting: Sighting) -> None:
        """Goes on with one more; it may lie anywhere in the session, or begin it anew from further back."""
        self.start = min(self.start, sighting.time)
        self.last = max(self.last, sighting.time)
        self.count += sighting.weight
        self.total += sighting.number
        if len(self.values) < VALUES:
            self.values.add(sighting.value)
        if len(self.ids) < EVIDENCE or (sighting.time, sighting.event_id) < self.ids[-1]:
            insort(self.ids, (sighting.time, sighting.event_id))
            del self.ids[EVIDENCE:]

    def measured(self, correlation: Correlation) -> float:
        """The count or value the condition is about, over the whole session."""
        if self.judged is not None:
            return self.judged
        if correlation.type == "value_sum":
            return self.total
        return self.count if correlation.type == "event_count" else len(self.values)

    def worth_telling(self, correlation: Correlation) -> bool:
        """A range with an upper bound is told up to there."""
        return self.measured(correlation) <= correlation.condition.most


def session_of(sightings: list[Sighting], fired_at: float) -> Session:
    """A new session of sightings in order of time; at least one."""
    session = Session(sightings[0].time, fired_at, sightings[0].time, 0, [], set())
    for sighting in sightings:
        session.take(sighting)
    return session


def digest(text: str) -> int:
    """A counted value, compact (64 bits)."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
