"""From event batches to findings: enrich, match, correlate. Pure but for the correlator's memory."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from detectors import findings as make
from detectors.enrich import enrich
from detectors.incidents import Advice
from detectors.sigma.correlate import Correlator
from detectors.sigma.match import RuleSet
from jikimi.domain.event import EventBatch, event_id
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
    """A rule set and what its correlations remember."""

    def __init__(self, rules: RuleSet, memory: Iterable[tuple[str, str, str, bytes]] = ()) -> None:
        self.advice: Mapping[str, Advice] = {rule.id: make.advice_of(rule.jikimi) for rule in rules.rules}
        self._rules = rules
        self._correlator = Correlator(rules.correlations)
        self._correlator.load(memory)

    def detect(self, taken: Sequence[Taken]) -> list[Finding]:
        """Findings in stream order; a correlation that goes on yields its finding again with risen counts."""
        return [finding for one in taken for finding in self._detect_batch(one)]

    def changed(self) -> list[StateRow]:
        """What the correlations remember anew since the last `commit`."""
        return self._correlator.changed()

    def commit(self) -> None:
        """The transaction with what `changed` said stands."""
        self._correlator.commit()

    def _detect_batch(self, one: Taken) -> list[Finding]:
        envelope = one.batch.envelope
        received = envelope.received_at or envelope.sent_at
        fresh = list(one.batch.events())[one.skip :]
        events = [enrich(event, envelope.logsource, one.tenant, received) for event in fresh]
        names = [
            event_id(envelope.agent_id, envelope.epoch, envelope.first_seq + one.skip + position)
            for position in range(len(events))
        ]
        origin = make.Origin(one.tenant.id, envelope.device_id, one.device_name, envelope.logsource)
        matches = self._rules.match(envelope.logsource, events)
        found = [
            make.of_match(match.rule, events[match.index], names[match.index], origin)
            for match in matches
            if match.rule.generates
        ]
        refs = [(match, events[match.index], names[match.index]) for match in matches]
        return found + [make.of_hit(hit, origin) for hit in self._correlator.apply(one.tenant.id, refs, received)]
