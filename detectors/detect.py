"""Detection without a server: events in, findings as plain objects out. What `jikimi detect` prints."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from detectors.enrich import enrich
from detectors.reorder import Reorder
from detectors.sigma.correlate import END, Correlator, Loss, time_of
from detectors.sigma.correlation_hit import CorrelationHit
from detectors.sigma.match import RuleSet
from detectors.sigma.rule import Match, Rule
from detectors.titles import sentence
from jikimi.domain.event import TIMESTAMP, Event, format_time
from jikimi.domain.logsource import LogSource
from jikimi.domain.risk import risk_of_level
from jikimi.domain.tenant import Tenant

_COMPANY = Tenant("offline", "offline")
"""Offline there is no company to ask: the default working hours, and no register of devices."""


_HELD_BACK = 50_000
"""Matches that correlations count, put into the order of their time."""


class _Counted(NamedTuple):
    """A match that a correlation counts, its event's id, and where it came from."""

    match: Match
    event_id: str
    origin: bytes


class Detected(msgspec.Struct, frozen=True, omit_defaults=True):
    """One finding of an offline run. `event_count` and what follows are of correlations."""

    rule_id: str
    rule_title: str
    level: str
    risk_level: str
    time: str
    logsource: LogSource
    event: Event
    title_ko: str
    title_en: str
    file: str
    tags: tuple[str, ...] = ()
    event_count: int = 1
    distinct: int = 0
    window_start: str = ""
    group: dict[str, str] = {}


class OfflineRun:
    """Feed blocks of events; `finish` yields the correlations with their final counts.

    Correlations count in the order of time, whatever the order of the blocks: each may be from a file of its own.
    """

    def __init__(self, rules: RuleSet, now: datetime) -> None:
        self._rules = rules
        self._now = now
        self._correlator = Correlator(rules.correlations)
        self._held: Reorder[_Counted] = Reorder(_HELD_BACK)
        self._open: dict[tuple[Any, ...], CorrelationHit] = {}
        self._lost: Counter[Loss] = Counter()
        self.events = 0

    def feed(self, logsource: LogSource, events: Sequence[Event], file: str) -> Iterator[Detected]:
        """The findings of one block; `file` says where it came from."""
        events = [enrich(event, logsource, _COMPANY, self._now) for event in events]
        matches = self._rules.match(logsource, events)
        origin = msgspec.msgpack.encode((logsource, file))
        for match in matches:
            if self._correlator.counts(match.rule):
                counted = _Counted(match, str(self.events + match.index), origin)
                self._held.add(time_of(match.event, self._now), counted)
        self._count(self._held.due())
        self.events += len(events)
        for match in matches:
            if match.rule.generates:
                yield _of_match(match, match.event, logsource, file)

    def finish(self) -> Iterator[Detected]:
        """One finding a correlation hit. There is nothing more to come: every window is over."""
        self._count(self._held.rest())
        self._keep(self._correlator.close(END))
        for hit in self._open.values():
            logsource, file = msgspec.msgpack.decode(hit.origin, type=tuple[LogSource, str])
            yield _of_hit(hit, logsource, file)

    @property
    def lost(self) -> Mapping[Loss, int]:
        """What correlations could not do."""
        return self._lost

    def _count(self, sightings: Sequence[_Counted]) -> None:
        for origin, some in groupby(sightings, key=lambda one: one.origin):
            refs = [(one.match, one.match.event, one.event_id) for one in some]
            self._keep(self._correlator.apply(_COMPANY.id, refs, self._now, origin=origin))
            self._lost.update({what: count for (_, what), count in self._correlator.lost.items()})
            self._correlator.commit()

    def _keep(self, hits: Sequence[CorrelationHit]) -> None:
        for hit in hits:
            self._open[hit.rule.id, tuple(hit.group.values()), hit.window_start] = hit


def _of_match(match: Match, event: Event, logsource: LogSource, file: str) -> Detected:
    rule = match.rule
    korean, english = sentence(rule.jikimi, rule.tags, _device(event), event, {"count": 1})
    return Detected(
        rule_id=rule.id,
        rule_title=rule.title,
        level=rule.level or "medium",
        risk_level=risk_of_level(rule.level).name,
        time=str(event.get(TIMESTAMP, "")),
        logsource=_source(rule, logsource),
        event=event,
        title_ko=korean,
        title_en=english,
        file=file,
        tags=rule.tags,
    )


def _of_hit(hit: CorrelationHit, logsource: LogSource, file: str) -> Detected:
    rule = hit.rule
    counts = {"count": hit.event_count, "distinct": hit.distinct}
    korean, english = sentence(rule.jikimi, rule.tags, _device(hit.event), hit.event | hit.group, counts)
    return Detected(
        rule_id=rule.id,
        rule_title=rule.title,
        level=rule.level or "medium",
        risk_level=risk_of_level(rule.level).name,
        time=format_time(hit.last_time),
        logsource=_source(rule, logsource),
        event=hit.event,
        title_ko=korean,
        title_en=english,
        file=file,
        tags=rule.tags,
        event_count=hit.event_count,
        distinct=hit.distinct,
        window_start=format_time(hit.window_start),
        group=hit.group,
    )


def _device(event: Event) -> str:
    return str(event.get("Hostname") or event.get("Computer") or "?")


def _source(rule: Rule, logsource: LogSource) -> LogSource:
    """Where the event came from, with what the rule adds (a channel tells no category)."""
    return LogSource(
        product=logsource.product or rule.logsource.product,
        category=logsource.category or rule.logsource.category,
        service=logsource.service or rule.logsource.service,
    )
