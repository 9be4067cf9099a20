"""What a correlation remembers of one group: small, serialisable, changed by one sighting at a time.

Before it fires it holds only what may still be inside the timespan; once fired only counts, the first ids and the
distinct values. `add` is the whole semantics; everything is event time in seconds since 1970.
"""

import hashlib
from bisect import insort
from typing import Literal

import msgspec

from detectors.sigma.rule import Correlation

EVIDENCE = 100
"""Ids kept of one hit."""
VALUES = 10_000
"""Distinct values told apart in one hit; the count stops rising there."""
_BUCKETS = 256

Outcome = Literal["new", "more"] | None
"""Fired now; goes on; nothing to tell."""


class Sighting(msgspec.Struct, frozen=True):
    """One match as a correlation sees it; `value` is what value_count (fields) and temporal (the rule) count."""

    time: float
    event_id: str
    rule_id: str
    value: str = ""


class Window(msgspec.Struct, omit_defaults=True):
    """The state of one group."""

    fired: bool = False
    start: float = 0.0
    last: float = 0.0
    count: int = 0
    ids: list[str] = []
    values: set[int] = set()
    recent: list[tuple[float, str]] = []
    """event_count, before firing: time and id of what is inside the timespan."""
    seen: dict[int, tuple[float, str]] = {}
    """value_count and temporal, before firing: the last time and id of each distinct value."""
    buckets: list[tuple[float, float, int]] = []
    """the same types, before firing: how many events from when until when, a 256th of the timespan each."""
    chain: list[tuple[float, list[str]] | None] = []
    """temporal_ordered, before firing: for each place, the latest start of a chain that got there, and its ids."""

    @property
    def distinct(self) -> int:
        return len(self.values)

    def copy(self) -> "Window":
        """Independent of this one."""
        return msgspec.structs.replace(
            self,
            ids=list(self.ids),
            values=set(self.values),
            recent=list(self.recent),
            seen=dict(self.seen),
            buckets=list(self.buckets),
            chain=list(self.chain),
        )

    def add(self, correlation: Correlation, sighting: Sighting) -> Outcome:
        """Takes in one sighting; late ones count as long as they are within a timespan of the window."""
        if self.fired:
            if sighting.time <= self.last + correlation.timespan:
                return self._go_on(correlation, sighting)
            self._reset()
        fires = {
            "event_count": self._count_events,
            "value_count": self._count_values,
            "temporal": self._count_values,
            "temporal_ordered": self._follow,
        }[correlation.type]
        return "new" if fires(correlation, sighting) else None

    def _go_on(self, correlation: Correlation, sighting: Sighting) -> Outcome:
        if sighting.time < self.start - correlation.timespan:
            return None
        self.last = max(self.last, sighting.time)
        self.count += 1
        if len(self.ids) < EVIDENCE:
            self.ids.append(sighting.event_id)
        if sighting.value and len(self.values) < VALUES:
            self.values.add(_digest(sighting.value))
        measured = self.count if correlation.type == "event_count" else self.distinct
        return "more" if correlation.at_most is None or measured <= correlation.at_most else None

    def _reset(self) -> None:
        fresh = Window()
        for name in self.__struct_fields__:
            setattr(self, name, getattr(fresh, name))

    def _fire(self, start: float, last: float, count: int, ids: list[str], values: set[int]) -> bool:
        self._reset()
        self.fired, self.start, self.last, self.count = True, start, last, count
        self.ids, self.values = ids[:EVIDENCE], values
        return True

    def _count_events(self, correlation: Correlation, sighting: Sighting) -> bool:
        insort(self.recent, (sighting.time, sighting.event_id))
        oldest = self.recent[-1][0] - correlation.timespan
        self.recent = [entry for entry in self.recent if entry[0] >= oldest]
        if len(self.recent) < correlation.at_least:
            return False
        ids = [event_id for _, event_id in self.recent]
        return self._fire(self.recent[0][0], self.recent[-1][0], len(ids), ids, set())

    def _count_values(self, correlation: Correlation, sighting: Sighting) -> bool:
        newest = max(sighting.time, max((time for time, _ in self.seen.values()), default=sighting.time))
        value = _digest(sighting.value)
        if value not in self.seen or self.seen[value][0] <= sighting.time:
            self.seen[value] = (sighting.time, sighting.event_id)
        oldest = newest - correlation.timespan
        self.seen = {v: entry for v, entry in self.seen.items() if entry[0] >= oldest}
        self._bucket(correlation, sighting.time, oldest)
        if len(self.seen) < correlation.at_least:
            return False
        ids = [event_id for _, event_id in sorted(self.seen.values())]
        count = sum(number for *_, number in self.buckets)
        return self._fire(min(first for first, *_ in self.buckets), newest, count, ids, set(self.seen))

    def _bucket(self, correlation: Correlation, time: float, oldest: float) -> None:
        if time < oldest:
            return
        kept = [bucket for bucket in self.buckets if bucket[1] >= oldest]
        width = correlation.timespan / _BUCKETS
        if kept and 0 <= time - kept[-1][0] < width:
            first, last, number = kept[-1]
            kept[-1] = (first, max(last, time), number + 1)
        else:
            kept.append((time, time, 1))
        self.buckets = kept

    def _follow(self, correlation: Correlation, sighting: Sighting) -> bool:
        chain = self.chain or [None] * len(correlation.rules)
        for place in reversed(range(len(correlation.rules))):
            if correlation.rules[place] != sighting.rule_id:
                continue
            before = (sighting.time, []) if place == 0 else chain[place - 1]
            if before is not None and 0 <= sighting.time - before[0] <= correlation.timespan:
                chain[place] = (before[0], [*before[1], sighting.event_id])
        self.chain = chain
        whole = chain[-1]
        if whole is None:
            return False
        values = {_digest(rule) for rule in correlation.rules}
        return self._fire(whole[0], sighting.time, len(whole[1]), whole[1], values)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
