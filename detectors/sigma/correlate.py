"""Correlations over event time: what matches of rules become when counted by group (Sigma correlations 2.1).

Pure: matches and `now` in, hits out. A correlation fires when its condition is first met inside one timespan; while the
group goes on without a pause longer than the timespan it is the same hit, told again with risen counts; after such a
pause a new one may fire. State is one small value a (correlation, tenant, group) that the caller keeps.
"""

import hashlib
from collections.abc import Container, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import msgspec
import orjson

from detectors.sigma.rule import Correlation, Match, Rule
from detectors.sigma.values import texts_of
from detectors.sigma.window import Sighting, Window
from jikimi.domain.event import Event, event_time

AHEAD = timedelta(minutes=2)
"""How far before `now` an event's clock is believed; further is taken as now + AHEAD."""
LATENESS = timedelta(minutes=10)
"""How long state is kept after its timespan, for events that come late."""
_LONG_AGO = datetime.fromtimestamp(0, UTC)
GROUPS = 200_000
"""Groups kept at once; beyond it those that rested longest are given up and counted in `given_up`."""

Key: TypeAlias = tuple[str, str, str]
"""(operator, tenant, group), the primary key of the caller's state table; the operator names rule and version."""
Row: TypeAlias = tuple[str, str, str, bytes]
Changed: TypeAlias = tuple[str, str, str, bytes | None, datetime]


class CorrelationHit(msgspec.Struct, frozen=True):
    """A correlation that holds. `new` is true the first time; later ones with the same `window_start` supersede it.

    `event_count` and `distinct` count everything since `window_start`; `event_ids` are the first of them, at most 100;
    `event` is the last one. `distinct` is 0 for event_count.
    """

    rule: Rule
    group: dict[str, str]
    window_start: datetime
    last_time: datetime
    event_count: int
    distinct: int
    event_ids: tuple[str, ...]
    event: Event
    new: bool


class Correlator:
    """Counts for every correlation of a rule set. Not thread-safe; the same input gives the same output."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._feeds: dict[str, list[tuple[Rule, Correlation]]] = {}
        self._timespans: dict[str, int] = {}
        for rule in rules:
            if rule.correlation is not None:
                self._timespans[operator_of(rule)] = rule.correlation.timespan
                for feeder in dict.fromkeys(rule.correlation.rules):
                    self._feeds.setdefault(feeder, []).append((rule, rule.correlation))
        self._windows: dict[Key, Window] = {}
        self._before: dict[Key, Window | None] = {}
        self._expires: dict[Key, datetime] = {}
        self._touches = 0
        self.given_up = 0
        self.unreadable = 0

    @property
    def operators(self) -> frozenset[str]:
        """The operators whose rows `load` wants; rows of others belong to rules that are gone."""
        return frozenset(self._timespans)

    def apply(
        self,
        tenant_id: str,
        refs: Sequence[tuple[Match, Event, str]],
        now: datetime,
        spared: Container[tuple[str, int]] = (),
    ) -> list[CorrelationHit]:
        """Counts the matches of one tenant, in order; one hit a correlation, group and window, told with its end state.

        Each ref is a match, its event and the event's id. An event without a readable time counts as happening now.
        `spared` names (correlation id, index of a match) that this correlation is not to count.
        """
        told: dict[tuple[Key, datetime], list[CorrelationHit]] = {}
        for match, event, event_id in refs:
            for rule, correlation in self._feeds.get(match.rule.id, ()):
                if (rule.id, match.index) in spared:
                    continue
                group = _group(correlation, match.rule.id, event)
                sighting = _sighting(correlation, match.rule.id, event, event_id, _time(event, now))
                if group is None or sighting is None:
                    continue
                key = (operator_of(rule), tenant_id, _key_of(group))
                window = self._touch(key)
                outcome = window.add(correlation, sighting)
                self._expires[key] = self._rests_until(key[0], now)
                if outcome is not None:
                    hit = _hit(rule, group, window, event, outcome == "new")
                    told.setdefault((key, hit.window_start), []).append(hit)
        self._tidy(now)
        return [msgspec.structs.replace(hits[-1], new=hits[0].new) for hits in told.values()]

    def load(self, rows: Iterable[Row]) -> None:
        """Takes up kept state, as committed. Rows of no loaded rule are left; what does not decode starts anew."""
        for operator, tenant_id, key, value in rows:
            if operator in self._timespans:
                try:
                    self._windows[operator, tenant_id, key] = msgspec.msgpack.decode(value, type=Window)
                except msgspec.MsgspecError:
                    self.unreadable += 1

    def changed(self) -> list[Changed]:
        """What differs from the last `commit`: (operator, tenant, key, value or None for gone, expires_at)."""
        rows: list[Changed] = []
        for key in self._before:
            window = self._windows.get(key)
            value = msgspec.msgpack.encode(window) if window is not None else None
            rows.append((*key, value, self._expires.get(key, _LONG_AGO)))
        return rows

    def commit(self) -> None:
        """The caller's transaction stands: what changed is now the truth."""
        self._before.clear()

    def rollback(self) -> None:
        """The caller's transaction failed: back to the last `commit`."""
        for key, window in self._before.items():
            if window is None:
                self._windows.pop(key, None)
            else:
                self._windows[key] = window
        self._before.clear()

    def forget(self, tenant_id: str) -> None:
        """Drops a tenant's state, when its partition moves away."""
        for key in [key for key in self._windows if key[1] == tenant_id]:
            del self._windows[key]
            self._before.pop(key, None)

    def _touch(self, key: Key) -> Window:
        """The window to be changed, its former state noted, moved to the end of the resting order."""
        self._touches += 1
        window = self._windows.pop(key, None)
        if key not in self._before:
            self._before[key] = window.copy() if window is not None else None
        self._windows[key] = window if window is not None else Window()
        return self._windows[key]

    def _tidy(self, now: datetime) -> None:
        """Forgets what rested past its time, now and then; and what rested longest when there is too much."""
        if self._touches > len(self._windows) + 1_000:
            self._touches = 0
            for key in list(self._windows):
                rests_until = self._expires.setdefault(key, self._rests_until(key[0], now))
                if rests_until < now:
                    self._drop(key)
        while len(self._windows) > GROUPS:
            self._drop(next(iter(self._windows)))
            self.given_up += 1

    def _drop(self, key: Key) -> None:
        self._before.setdefault(key, self._windows.pop(key))
        self._expires.pop(key, None)

    def _rests_until(self, operator: str, now: datetime) -> datetime:
        return now + timedelta(seconds=self._timespans[operator]) + LATENESS


def operator_of(rule: Rule) -> str:
    """The state's owner: a rule whose meaning changed starts anew."""
    return f"sigma:{rule.id}:{rule.version}"


def _group(correlation: Correlation, rule_id: str, event: Event) -> dict[str, str] | None:
    """The group's values, or None when the event lacks one of them: it belongs to no group."""
    group = {}
    for name in correlation.group_by:
        value = next(texts_of(event.get(_field(correlation, name, rule_id))), None)
        if value is None:
            return None
        group[name] = value
    return group


def _field(correlation: Correlation, name: str, rule_id: str) -> str:
    return correlation.aliases.get(name, {}).get(rule_id, name)


def _key_of(group: dict[str, str]) -> str:
    """Bounded, since it is a database key: long group values are told apart by a digest."""
    text = orjson.dumps([value.casefold() for value in group.values()]).decode()
    return text if len(text) <= 400 else f"{text[:300]}#{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _sighting(correlation: Correlation, rule_id: str, event: Event, event_id: str, time: float) -> Sighting | None:
    """None when the event lacks a counted value."""
    if correlation.type == "event_count":
        return Sighting(time, event_id, rule_id)
    if correlation.type != "value_count":
        return Sighting(time, event_id, rule_id, rule_id)
    fields = [_field(correlation, name, rule_id) for name in correlation.field]
    values = [text for field in fields if (text := next(texts_of(event.get(field)), None)) is not None]
    return Sighting(time, event_id, rule_id, "\x1f".join(values)) if len(values) == len(fields) else None


def _time(event: Event, now: datetime) -> float:
    try:
        return min(event_time(event), now + AHEAD).timestamp()
    except ValueError:
        return now.timestamp()


def _hit(rule: Rule, group: dict[str, str], window: Window, event: Event, new: bool) -> CorrelationHit:
    return CorrelationHit(
        rule=rule,
        group=group,
        window_start=datetime.fromtimestamp(window.start, UTC),
        last_time=datetime.fromtimestamp(window.last, UTC),
        event_count=window.count,
        distinct=window.distinct,
        event_ids=tuple(window.ids),
        event=event,
        new=new,
    )
