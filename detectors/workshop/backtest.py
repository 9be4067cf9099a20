"""`jikimi rules backtest`: what rules would have found in events of the past.

Pure: fed one company's events after the other's, each in time order, it counts. Memory is bounded by rules and days,
not by events; examples are the first few hits of each rule.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import orjson

from detectors.enrich import enrich
from detectors.sigma.correlate import Correlator
from detectors.sigma.match import RuleSet
from detectors.sigma.report import LoadReport, Refusal
from detectors.sigma.rule import Match, Rule
from detectors.titles import sentence
from jikimi.domain.event import Event, event_time
from jikimi.domain.logsource import LogSource
from jikimi.domain.tenant import Tenant

EXAMPLES = 3


class Past(msgspec.Struct, frozen=True):
    """An event of the past: its name (event id, or the file it stands in) and its canonical bytes."""

    name: str
    logsource: LogSource
    received_at: datetime
    raw: bytes


class Example(msgspec.Struct, frozen=True):
    """One hit. `name` is the event's (for a correlation: the last one's)."""

    time: datetime
    tenant: str
    sentence: str
    name: str
    event: Event


class RuleHits(msgspec.Struct):
    """Hits of one rule; days are UTC dates of the events, tenants are named."""

    rule: str
    title: str
    level: str
    file: str
    hits: int = 0
    by_day: dict[str, int] = {}
    by_tenant: dict[str, int] = {}
    examples: list[Example] = []


class Backtested(msgspec.Struct, frozen=True):
    """`complete` is false when the time that was allowed ran out before the events did."""

    events: int
    seconds: float
    first: datetime | None
    last: datetime | None
    hits: int
    rules: tuple[RuleHits, ...]
    refused: tuple[Refusal, ...]
    blind: tuple[str, ...]
    failed: dict[str, str]
    complete: bool = True


class Backtest:
    """Feed it, then ask for the `result`."""

    def __init__(self, rules: RuleSet, report: LoadReport, examples: int = EXAMPLES) -> None:
        self._rules = rules
        self._report = report
        self._examples = examples
        self._hits = {rule.id: RuleHits(rule.id, rule.title, rule.level, rule.file) for rule in _told(rules)}
        self._correlator = Correlator(rules.correlations)
        self._tenant = ""
        self._begun = time.monotonic()
        self._first: datetime | None = None
        self._last: datetime | None = None
        self.events = 0

    def feed(self, tenant: Tenant, past: Sequence[Past]) -> None:
        """The next events of a company, in time order. One company's come together: then its memory is given up."""
        if tenant.id != self._tenant:
            self._tenant = tenant.id
            self._correlator = Correlator(self._rules.correlations)
        if not past:
            return
        events = [enrich(orjson.loads(one.raw), one.logsource, tenant, one.received_at) for one in past]
        self.events += len(past)
        matches = self._matches(past, events)
        for match in matches:
            if match.rule.generates:
                event = events[match.index]
                self._count(match.rule, tenant, event, event_time(event), past[match.index].name, {"count": 1})
        self._correlate(tenant, past, events, matches)
        self._span(events)

    def result(self, *, complete: bool = True) -> Backtested:
        """What was found so far, the rules with the most hits first."""
        rules = sorted(self._hits.values(), key=lambda one: -one.hits)
        return Backtested(
            events=self.events,
            seconds=round(time.monotonic() - self._begun, 3),
            first=self._first,
            last=self._last,
            hits=sum(one.hits for one in rules),
            rules=tuple(rules),
            refused=self._report.refused,
            blind=tuple(blind.rule for blind in self._report.blind),
            failed={self._rules.by_id[rule].title: why for rule, why in self._rules.quarantined.items()},
            complete=complete,
        )

    def _matches(self, past: Sequence[Past], events: Sequence[Event]) -> list[Match]:
        """By log source, which is how rules are asked; told in the order of the events."""
        places: dict[LogSource, list[int]] = {}
        for place, one in enumerate(past):
            places.setdefault(one.logsource, []).append(place)
        found = [
            Match(match.rule, among[match.index], match.event)
            for logsource, among in places.items()
            for match in self._rules.match(logsource, [events[place] for place in among])
        ]
        return sorted(found, key=lambda match: match.index)

    def _correlate(self, tenant: Tenant, past: Sequence[Past], events: Sequence[Event], matches: list[Match]) -> None:
        refs = [(match, events[match.index], past[match.index].name) for match in matches]
        received = max(one.received_at for one in past)
        for hit in self._correlator.apply(tenant.id, refs, received):
            if hit.new and hit.rule.id in self._hits:
                counts = {"count": hit.event_count, "distinct": hit.distinct}
                name = hit.event_ids[-1] if hit.event_ids else ""
                self._count(hit.rule, tenant, hit.event | hit.group, hit.last_time, name, counts)
        self._correlator.commit()

    def _count(self, rule: Rule, tenant: Tenant, event: Event, at: datetime, name: str, counts: dict[str, int]) -> None:
        told = self._hits[rule.id]
        day = at.astimezone(UTC).date().isoformat()
        told.hits += 1
        told.by_day[day] = told.by_day.get(day, 0) + 1
        told.by_tenant[tenant.name] = told.by_tenant.get(tenant.name, 0) + 1
        if len(told.examples) < self._examples:
            device = str(event.get("Hostname") or event.get("Computer") or "?")
            _, english = sentence(rule.jikimi, rule.tags, device, event, counts)
            told.examples.append(Example(at, tenant.name, english, name, event))

    def _span(self, events: Sequence[Event]) -> None:
        times = [event_time(event) for event in events]
        self._first = min(filter(None, [self._first, *times]), default=None)
        self._last = max(filter(None, [self._last, *times]), default=None)


def _told(rules: RuleSet) -> list[Rule]:
    return [rule for rule in rules.rules if rule.generates]
