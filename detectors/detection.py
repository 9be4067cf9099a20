"""From event batches to findings: enrich, match, admit, correlate. Pure but for what it remembers and counts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from detectors import findings as make
from detectors.enrich import adds_fields, enrich
from detectors.incidents import Advice
from detectors.release.admission import Admission
from detectors.release.life import Life
from detectors.release.tally import Tally
from detectors.sigma.correlate import Correlator, Loss
from detectors.sigma.correlation_hit import CorrelationHit
from detectors.sigma.match import RuleSet
from detectors.sigma.rule import Match, Rule
from detectors.sigma.tenant_rules import TenantRules
from jikimi.domain.event import Event, EventBatch, event_id
from jikimi.domain.finding import Finding
from jikimi.domain.tenant import Tenant


class Taken(NamedTuple):
    """A batch of which the first `skip` events were taken before."""

    batch: EventBatch
    skip: int
    tenant: Tenant
    device_name: str

    @property
    def fresh(self) -> int:
        """Events to look at."""
        return self.batch.envelope.count - self.skip


StateRow = tuple[str, str, str, bytes | None, datetime]
"""(operator, tenant id, key, value or None to forget, expires at)"""


class Detection:
    """A rule set, what the centre decided about its rules, and what its correlations remember."""

    def __init__(
        self, rules: RuleSet, memory: Iterable[tuple[str, str, str, bytes]] = (), life: Life | None = None
    ) -> None:
        self.advice: dict[str, Advice] = {rule.id: make.advice_of(rule.jikimi) for rule in rules.rules}
        self._rules = rules
        self._tenant_rules = TenantRules(rules.open)
        self._correlator = Correlator(rules.correlations)
        self._correlator.load(memory)
        self._admission = Admission(Life())
        self.live_by(life or Life())

    def live_by(self, life: Life) -> None:
        """From the next batch on, stages, quarantine and exceptions are these."""
        self._admission.life = life
        self._rules.quarantined.clear()
        self._rules.quarantined.update(life.broken(self._rules.rules))

    def detect(self, taken: Sequence[Taken]) -> list[Finding]:
        """Findings in stream order; a correlation that goes on yields its finding again with risen counts."""
        return [finding for one in taken for finding in self._detect_batch(one)]

    def close(self, now: datetime) -> list[Finding]:
        """Findings of correlations that can be told only when their window is over, as of `now`."""
        found = []
        for hit in self._correlator.close(now):
            self._admission.begin(hit.tenant_id, now, 0)
            if (finding := self._of_hit(hit)) is not None:
                found.append(finding)
        self._note_thrown(self._rules)
        return found

    def lost(self) -> Mapping[tuple[str, Loss], int]:
        """What correlations could not do since the last `commit`: (tenant id, what) → how often."""
        return dict(self._correlator.lost)

    def changed(self, now: datetime) -> list[StateRow]:
        """What the correlations remember anew since the last `commit`, to be kept from `now` on."""
        return self._correlator.changed(now)

    @property
    def tally(self) -> Tally:
        """What was counted and set aside since the last `commit`."""
        return self._admission.tally

    def commit(self) -> None:
        """The transaction with what `changed` and `tally` said stands."""
        self._correlator.commit()
        self._admission.tally = Tally()

    def _detect_batch(self, one: Taken) -> list[Finding]:
        envelope = one.batch.envelope
        received = envelope.received_at or envelope.sent_at
        origin = make.Origin(one.tenant.id, envelope.device_id, one.device_name, envelope.logsource)
        self._admission.begin(one.tenant.id, received, one.fresh)
        asked = [match for match in self._matches(self._rules, one, received) if match.index >= one.skip]
        if (own := self._tenant_rules.of(one.tenant.placeholders)) is not None:
            asked += [match for match in self._matches(own, one, received) if match.index >= one.skip]
            self.advice |= {rule.id: make.advice_of(rule.jikimi) for rule in own.rules}
            self._note_thrown(own)
        matches, spared = self._admission.excepted(asked, envelope.logsource)
        refs = [
            (match, match.event, event_id(envelope.agent_id, envelope.epoch, envelope.first_seq + match.index))
            for match in matches
        ]
        found = [finding for ref in refs if (finding := self._of_match(*ref, origin)) is not None]
        hits = self._correlator.apply(one.tenant.id, refs, received, spared, make.written(origin))
        found += [finding for hit in hits if (finding := self._of_hit(hit)) is not None]
        self._note_thrown(self._rules)
        return found

    def _matches(self, rules: RuleSet, one: Taken, received: datetime) -> list[Match]:
        """The events' bytes are matched as they are, but for log sources whose events say more once enriched."""
        logsource = one.batch.envelope.logsource

        def enriched(event: Event) -> Event:
            return enrich(event, logsource, one.tenant, received)

        if adds_fields(logsource):
            return rules.match(logsource, [enriched(event) for event in one.batch.events()])
        return rules.match_canonical(logsource, one.batch.block, enriched)

    def _of_match(self, match: Match, event: Event, name: str, origin: make.Origin) -> Finding | None:
        if not match.rule.generates or not self._admission.admits(match.rule, name):
            return None
        try:
            return make.of_match(match.rule, event, name, origin)
        except Exception as error:  # a rule's own words may fail on an odd event: that costs this rule, not the stream
            self._throw(match.rule, error)
            return None

    def _of_hit(self, hit: CorrelationHit) -> Finding | None:
        if not self._admission.admits(hit.rule, hit.event_ids[-1] if hit.event_ids else "", new=hit.new):
            return None
        try:
            return make.of_hit(hit)
        except Exception as error:  # as above
            self._throw(hit.rule, error)
            return None

    def _throw(self, rule: Rule, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        if rule.id in self._rules.by_id:
            self._rules.quarantined[rule.id] = reason
        else:  # one that only this company's placeholder values made usable
            self._admission.threw(rule, reason)

    def _note_thrown(self, rules: RuleSet) -> None:
        """Whatever threw, while matching or after, and was not known to."""
        for rule_id, reason in rules.quarantined.items():
            rule = rules.by_id[rule_id]
            if rule_id not in self._admission.life.broken([rule]):
                self._admission.threw(rule, reason)
