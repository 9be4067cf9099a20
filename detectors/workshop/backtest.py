"""`jikimi rules backtest`: what rules would have found in events of the past.

Pure: fed one company's events after the other's, each in time order, it counts. Memory is bounded by rules and days,
not by events; examples are the first few hits of each rule.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
import orjson

from detectors.enrich import adds_fields, enrich
from detectors.sigma.correlate import END, Correlator
from detectors.sigma.correlation_hit import CorrelationHit
from detectors.sigma.match import RuleSet
from detectors.sigma.report import LoadReport, Refusal
from detectors.sigma.rule import Match, Rule
from detectors.sigma.tenant_rules import TenantRules
from detectors.titles import sentence
from jikimi.domain.event import Event, block_of, event_time
from jikimi.domain.logsource import LogSource
from jikimi.domain.tenant import Tenant

EXAMPLES = 3
_ONE = {"count": 1}


class Past(msgspec.Struct, frozen=True):
    """An event of the past: its name (event id, or the file it stands in), when it happened, its canonical bytes."""

    name: str
    logsource: LogSource
    time: datetime
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
    """`loaded` counts rules that can be asked, those that wait for a company's placeholder values among them.

    `complete` is false when the time that was allowed ran out before the events did.
    """

    events: int
    loaded: int
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
    """Feed it, then ask for the `result` once."""

    def __init__(self, rules: RuleSet, report: LoadReport, examples: int = EXAMPLES) -> None:
        self._rules = rules
        self._tenant_rules = TenantRules(rules.open)
        self._report = report
        self._examples = examples
        self._hits: dict[str, RuleHits] = {}
        self._failed: dict[str, str] = {}
        self._tenant: Tenant | None = None
        self._sets: list[RuleSet] = []
        self._begin_counting(rules)
        self._correlator = Correlator(rules.correlations)
        self._begun = time.monotonic()
        self._first: datetime | None = None
        self._last: datetime | None = None
        self.events = 0

    def feed(self, tenant: Tenant, past: Sequence[Past]) -> None:
        """The next events of a company, in time order. One company's come together: then its memory is given up."""
        if self._tenant is None or tenant.id != self._tenant.id:
            self._leave()
            self._enter(tenant)
        if not past:
            return
        self.events += len(past)
        self._first = min(filter(None, [self._first, *(one.time for one in past)]), default=None)
        self._last = max(filter(None, [self._last, *(one.time for one in past)]), default=None)
        matches = sorted(self._matches(tenant, past), key=lambda match: match.index)
        for match in matches:
            if match.rule.generates:
                self._count(match.rule, tenant, match.event, event_time(match.event), past[match.index].name, _ONE)
        refs = [(match, match.event, past[match.index].name) for match in matches]
        self._count_hits(tenant, self._correlator.apply(tenant.id, refs, max(one.received_at for one in past)))
        self._count_hits(tenant, self._correlator.close(max(one.time for one in past)))
        self._correlator.commit()

    def result(self, *, complete: bool = True) -> Backtested:
        """What was found, the rules with the most hits first."""
        self._leave()
        rules = sorted(self._hits.values(), key=lambda one: -one.hits)
        return Backtested(
            events=self.events,
            loaded=self._report.loaded + len(self._rules.open.rules),
            seconds=round(time.monotonic() - self._begun, 3),
            first=self._first,
            last=self._last,
            hits=sum(one.hits for one in rules),
            rules=tuple(rules),
            refused=self._report.refused,
            blind=tuple(blind.rule for blind in self._report.blind),
            failed=self._failed,
            complete=complete,
        )

    def _enter(self, tenant: Tenant) -> None:
        """A company brings the rules that only its placeholder values make usable."""
        self._tenant = tenant
        own = self._tenant_rules.of(tenant.placeholders)
        self._sets = [self._rules] if own is None else [self._rules, own]
        if own is not None:
            self._begin_counting(own)

    def _leave(self) -> None:
        """Nothing more will come of this company: every window is over."""
        if self._tenant is not None:
            self._count_hits(self._tenant, self._correlator.close(END))
            for each in self._sets:
                self._failed |= {each.by_id[rule].title: why for rule, why in each.quarantined.items()}
            self._correlator = Correlator(self._rules.correlations)

    def _begin_counting(self, rules: RuleSet) -> None:
        for rule in rules.rules:
            if rule.generates:
                self._hits.setdefault(rule.id, RuleHits(rule.id, rule.title, rule.level, rule.file))

    def _matches(self, tenant: Tenant, past: Sequence[Past]) -> Iterator[Match]:
        """By log source, which is how rules are asked; `index` is the place in `past`."""
        places: dict[LogSource, list[int]] = {}
        for place, one in enumerate(past):
            places.setdefault(one.logsource, []).append(place)
        for logsource, among in places.items():
            for rules in self._sets:
                for match in _asked(rules, logsource, [past[place] for place in among], tenant):
                    yield msgspec.structs.replace(match, index=among[match.index])

    def _count_hits(self, tenant: Tenant, hits: Sequence[CorrelationHit]) -> None:
        for hit in hits:
            if hit.new:
                counts = {"count": hit.event_count, "distinct": hit.distinct}
                name = hit.event_ids[-1] if hit.event_ids else ""
                self._count(hit.rule, tenant, hit.event | hit.group, hit.last_time, name, counts)

    def _count(self, rule: Rule, tenant: Tenant, event: Event, at: datetime, name: str, counts: dict[str, int]) -> None:
        told = self._hits[rule.id]
        day = at.date().isoformat()
        told.hits += 1
        told.by_day[day] = told.by_day.get(day, 0) + 1
        told.by_tenant[tenant.name] = told.by_tenant.get(tenant.name, 0) + 1
        if len(told.examples) < self._examples:
            told.examples.append(Example(at, tenant.name, self._sentence(rule, event, counts), name, event))

    def _sentence(self, rule: Rule, event: Event, counts: dict[str, int]) -> str:
        device = str(event.get("Hostname") or event.get("Computer") or "?")
        try:
            return sentence(rule.jikimi, rule.tags, device, event, counts)[1]
        except Exception as error:  # a rule's own words may fail on an odd event: that is told, and costs no hit
            self._failed[rule.title] = f"{type(error).__name__}: {error}"
            return rule.title


def _asked(rules: RuleSet, logsource: LogSource, past: Sequence[Past], tenant: Tenant) -> list[Match]:
    """As the worker asks: the bytes as they are, but for log sources whose events say more once enriched."""
    if adds_fields(logsource):
        return rules.match(
            logsource, [enrich(orjson.loads(one.raw), logsource, tenant, one.received_at) for one in past]
        )
    received = max(one.received_at for one in past)
    return rules.match_canonical(
        logsource, block_of(one.raw for one in past), lambda event: enrich(event, logsource, tenant, received)
    )
