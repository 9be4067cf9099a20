"""Correlations over event time: what matches of rules become when counted by group (Sigma correlations 2.1).

Pure: matches and `now` in, hits out. A correlation fires when its condition is first met inside one timespan; while the
group goes on without a pause longer than the timespan it is the same hit, told again with risen counts; after such a
pause a new one may fire. What can be judged only when its window is over waits for that (`closing`). A hit feeds the
correlations that name its correlation. State is one small value a (correlation, tenant, group) that the caller keeps.
"""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

import msgspec

from detectors.sigma.correlation_hit import CorrelationHit, hit_of, last_of_each
from detectors.sigma.grouping import group_of, key_of, sighting_of
from detectors.sigma.rule import Correlation, Match, Rule
from detectors.sigma.sighting import Sighting
from detectors.sigma.timeline import LATENESS, Running, Telling, Timeline, TooLate
from detectors.sigma.values import fields_of
from jikimi.domain.event import Event, event_time

AHEAD = timedelta(minutes=2)
"""How far before `now` an event's clock is believed; further is taken as now + AHEAD."""
END = datetime(9999, 12, 1, tzinfo=UTC)
"""For `close` when nothing more will come: every window is over."""
_LONG_AGO = datetime.fromtimestamp(0, UTC)
_OPEN_LONGER = timedelta(days=1)
"""How much longer a window that is told at its end is kept, so that a centre that was down still tells it."""
GROUPS = 200_000
"""Groups kept at once; beyond it those that rested longest are given up and counted."""

Loss = Literal["groups_given_up", "events_too_late", "state_unreadable"]
"""What a correlation could not do, counted by tenant: too many groups, an event behind `LATENESS`, a damaged row."""
Key: TypeAlias = tuple[str, str, str]
"""(operator, tenant, group), the primary key of the caller's state table; the operator names rule and version."""
Row: TypeAlias = tuple[str, str, str, bytes]
Changed: TypeAlias = tuple[str, str, str, bytes | None, datetime]


class _Pass(msgspec.Struct, frozen=True):
    """One call of `apply` or `close`: whose matches, when, from where, and what is to tell so far."""

    now: datetime
    origin: bytes = b""
    spared: Container[tuple[str, int]] = ()
    hits: list[CorrelationHit] = []
    counted: set[tuple[Key, str, int, float]] = set()

    def counts(self, key: Key, correlation: Correlation, sighting: Sighting) -> bool:
        """False for an event that another rule of the same correlation has brought already, with the same value.

        Temporal types ask which rules matched; every other type counts events ("Correlation Types").
        """
        if correlation.type in ("temporal", "temporal_ordered") or len(correlation.rules) == 1:
            return True
        same = (key, sighting.event_id, sighting.value, sighting.number)
        new = same not in self.counted
        self.counted.add(same)
        return new


class _Kept(msgspec.Struct):
    """A row: the group's values as first seen, and its timeline."""

    group: dict[str, str]
    timeline: Timeline


class _Group:
    """A group at work."""

    def __init__(self, correlation: Correlation, group: dict[str, str], state: Timeline | None = None) -> None:
        self.group = group
        self.running = Running(correlation, state)


class Correlator:
    """Counts for every correlation of a rule set. Not thread-safe; the same input gives the same output."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._feeds: dict[str, list[tuple[Rule, Correlation]]] = {}
        self._rules: dict[str, tuple[Rule, Correlation]] = {}
        for rule in rules:
            if rule.correlation is not None:
                self._rules[operator_of(rule)] = (rule, rule.correlation)
                for feeder in dict.fromkeys(rule.correlation.rules):
                    self._feeds.setdefault(feeder, []).append((rule, rule.correlation))
        self._groups: dict[Key, _Group] = {}
        self._changed: set[Key] = set()
        self._expires: dict[Key, datetime] = {}
        self._touches = 0
        self.lost: Counter[tuple[str, Loss]] = Counter()

    @property
    def operators(self) -> frozenset[str]:
        """The operators whose rows `load` wants; rows of others belong to rules that are gone."""
        return frozenset(self._rules)

    def counts(self, rule: Rule) -> bool:
        """Does a correlation count what this rule holds for?"""
        return rule.id in self._feeds

    def apply(
        self,
        tenant_id: str,
        refs: Sequence[tuple[Match, Event, str]],
        now: datetime,
        spared: Container[tuple[str, int]] = (),
        origin: bytes = b"",
    ) -> list[CorrelationHit]:
        """Counts the matches of one tenant, in order; one hit a correlation, group and window, told with its end state.

        Each ref is a match, its event and the event's id. An event without a readable time counts as happening now.
        Hits of correlations that only feed others (`Rule.generates`) are not among them.
        `spared` names (correlation id, index of a match) that this correlation is not to count.
        """
        this = _Pass(now, origin, spared)
        for match, event, event_id in refs:
            time = time_of(event, now)
            self._feed(this, tenant_id, match.rule.id, event, event_id, time, seen=match.seen, index=match.index)
        self._tidy(now)
        return last_of_each(this.hits)

    def close(self, now: datetime) -> list[CorrelationHit]:
        """The hits of windows that are over by `now` and its lateness; to be called now and then, and at an end.

        In the order in which they were over, since what they feed counts in order of time.
        """
        this = _Pass(now)
        while sum([self._close(this, key) for key in self._by_end()]):
            pass  # hits feed correlations that wait, too
        return last_of_each(this.hits)

    def _by_end(self) -> list[Key]:
        """The groups that wait, by the end of their windows; of the same end, those that feed before the fed."""
        places = {operator: place for place, operator in enumerate(self._rules)}
        waiting = [key for key in self._groups if self._rules[key[0]][1].waits]
        ends = {key: self._groups[key].running.since + self._rules[key[0]][1].timespan for key in waiting}
        return sorted(waiting, key=lambda key: (ends[key], places[key[0]], key))

    def _close(self, this: _Pass, key: Key) -> int:
        """How many windows of the group were over, and are told."""
        group = self._groups[key]
        state = group.running.state
        before = (state.through, len(state.log))
        tellings = group.running.close(this.now.timestamp())
        if tellings or before != (state.through, len(state.log)):
            self._touch(key, this.now)
        self._tell(this, key, group, tellings, state.event or {}, state.origin)
        if group.running.idle:
            self._drop(key)
        return len(tellings)

    def load(self, rows: Iterable[Row]) -> None:
        """Takes up kept state, as committed. Rows of no loaded rule are left; what does not decode starts anew."""
        for operator, tenant_id, key, value in rows:
            if operator in self._rules:
                try:
                    kept = msgspec.msgpack.decode(value, type=_Kept)
                except msgspec.MsgspecError:
                    self.lost[tenant_id, "state_unreadable"] += 1
                else:
                    correlation = self._rules[operator][1]
                    self._groups[operator, tenant_id, key] = _Group(correlation, kept.group, kept.timeline)

    def changed(self, now: datetime = _LONG_AGO) -> list[Changed]:
        """What differs from the last `commit`: (operator, tenant, key, value or None for gone, expires_at).

        It rests from `now` on at the earliest: whoever works off what came hours ago may yet stop and go on.
        """
        rows: list[Changed] = []
        for key in sorted(self._changed):
            group = self._groups.get(key)
            value = msgspec.msgpack.encode(_Kept(group.group, group.running.state)) if group is not None else None
            rests_until = max(self._expires.get(key, _LONG_AGO), self._rests_until(key[0], now))
            rows.append((*key, value, rests_until))
        return rows

    def commit(self) -> None:
        """The caller's transaction stands: what changed and what was lost is written."""
        self._changed.clear()
        self.lost.clear()

    def forget(self, tenant_id: str) -> None:
        """Drops a tenant's state, when its partition moves away."""
        for key in [key for key in self._groups if key[1] == tenant_id]:
            del self._groups[key]
            self._changed.discard(key)
            self._expires.pop(key, None)

    def _feed(
        self,
        this: _Pass,
        tenant_id: str,
        rule_id: str,
        event: Event,
        event_id: str,
        time: float,
        *,
        seen: Event,
        new: bool = True,
        index: int = -1,
    ) -> None:
        """One match of a rule, or one hit of a correlation, to every correlation that names it.

        A hit that goes on is no second one: it only keeps a temporal correlation's view of it fresh.
        """
        for rule, correlation in self._feeds.get(rule_id, ()):
            if not new and correlation.type not in ("temporal", "temporal_ordered"):
                continue
            if (rule.id, index) in this.spared:
                continue
            values = group_of(correlation, rule_id, seen)
            sighting = sighting_of(correlation, rule_id, seen, event_id, time)
            if values is not None and sighting is not None:
                key = (operator_of(rule), tenant_id, key_of(values))
                if not this.counts(key, correlation, sighting):
                    continue
                self._see(this, key, self._groups.get(key) or _Group(correlation, values), event, sighting)

    def _see(self, this: _Pass, key: Key, group: _Group, event: Event, sighting: Sighting) -> None:
        self._groups[key] = group
        self._touch(key, this.now)
        state = group.running.state
        try:
            tellings = group.running.take(sighting)
        except TooLate:
            self.lost[key[1], "events_too_late"] += 1
            return
        told_of, origin = event, this.origin
        if self._rules[key[0]][1].waits:  # what is over is told of the events before this one
            told_of, origin = state.event or event, state.origin
            state.event, state.origin = event, this.origin
        self._tell(this, key, group, tellings, told_of, origin)

    def _tell(
        self, this: _Pass, key: Key, group: _Group, tellings: Sequence[Telling], event: Event, origin: bytes
    ) -> None:
        rule, correlation = self._rules[key[0]]
        onward = msgspec.structs.replace(this, origin=origin)  # not of the event that closed the window
        for telling in tellings:
            if rule.generates:
                this.hits.append(hit_of(rule, correlation, key[1], group.group, telling, event, origin))
            name = f"{key[0]}:{key[2]}:{telling.anchor}"
            told, session = event | group.group, telling.session
            at = session.start + correlation.timespan if correlation.waits else session.last
            self._feed(onward, key[1], rule.id, told, name, at, seen=fields_of(told), new=telling.new)

    def _touch(self, key: Key, now: datetime) -> None:
        """To be written, and at the end of the resting order."""
        self._touches += 1
        self._groups[key] = self._groups.pop(key)
        self._changed.add(key)
        self._expires[key] = self._rests_until(key[0], now)

    def _tidy(self, now: datetime) -> None:
        """Forgets what rested past its time, now and then; and what rested longest when there is too much."""
        if self._touches > len(self._groups) + 1_000:
            self._touches = 0
            for key in list(self._groups):
                if self._expires.setdefault(key, self._rests_until(key[0], now)) < now:
                    self._drop(key)
        while len(self._groups) > GROUPS:
            key = next(iter(self._groups))
            self.lost[key[1], "groups_given_up"] += 1
            self._drop(key)

    def _drop(self, key: Key) -> None:
        del self._groups[key]
        self._changed.add(key)
        self._expires.pop(key, None)

    def _rests_until(self, operator: str, now: datetime) -> datetime:
        correlation = self._rules[operator][1]
        rests = timedelta(seconds=correlation.timespan + LATENESS)
        if correlation.waits:
            rests += _OPEN_LONGER
        return now + rests if END - now > rests else END


def operator_of(rule: Rule) -> str:
    """The state's owner: a rule whose meaning changed starts anew."""
    return f"sigma:{rule.id}:{rule.version}"


def time_of(event: Event, now: datetime) -> float:
    """Seconds since 1970; now, where the event has no time that can be read, and little later than now at most."""
    try:
        return min(event_time(event), now + AHEAD).timestamp()
    except ValueError:
        return now.timestamp()
