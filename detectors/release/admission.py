"""From a match to a finding: the stage, the quarantine, the flood limit and the company's exceptions say whether."""

from collections.abc import Sequence
from datetime import UTC, datetime

from detectors.release.exceptions import TenantException
from detectors.release.flood import FloodMeter
from detectors.release.life import Life
from detectors.release.stages import Stage
from detectors.release.tally import EVERYWHERE, HitKey, Quarantine, Tally
from detectors.sigma.rule import Match, Rule
from jikimi.domain.logsource import LogSource

Spared = frozenset[tuple[str, int]]
"""(id of a correlation, number of an event) that this correlation does not count."""


class Admission:
    """Counts in `tally` whatever it keeps from being told. `begin` comes before each batch."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.tally = Tally()
        self._flood = FloodMeter()
        self._tenant_id = ""
        self._received = datetime.min.replace(tzinfo=UTC)
        self._day = ""

    def begin(self, tenant_id: str, received: datetime, events: int) -> None:
        """What follows is of this company, received then."""
        self._tenant_id, self._received = tenant_id, received
        self._day = received.date().isoformat()
        self._flood.open(tenant_id, received, events)

    def excepted(self, matches: Sequence[Match], logsource: LogSource) -> tuple[Sequence[Match], Spared]:
        """The matches that no exception of the company takes away, and what single correlations are not to count."""
        granted = self.life.exceptions(self._tenant_id, self._received)
        if not granted or not matches:
            return matches, frozenset()
        by_rule: dict[str, list[TenantException]] = {}
        for one in granted:
            for rule_id in one.filter.rules:
                by_rule.setdefault(rule_id, []).append(one)
        kept: list[Match] = []
        spared: set[tuple[str, int]] = set()
        for match in matches:
            gone = self._first_that_takes(match, by_rule, logsource, spared)
            if gone is None:
                kept.append(match)
            else:
                self.tally.suppressed[gone.id] += 1
        return kept, frozenset(spared)

    def _first_that_takes(
        self,
        match: Match,
        by_rule: dict[str, list[TenantException]],
        logsource: LogSource,
        spared: set[tuple[str, int]],
    ) -> TenantException | None:
        """The exception to this rule; one to a correlation that it feeds is noted in `spared`."""
        for one in by_rule.get(match.rule.id, ()):
            if one.filter.takes_away(logsource, match.event):
                if one.rule_id == match.rule.id:
                    return one
                spared.add((one.rule_id, match.index))
                self.tally.suppressed[one.id] += 1
        return None

    def admits(self, rule: Rule, event_id: str, *, new: bool = True) -> bool:
        """May this hit become a finding? `new` is false for a correlation that goes on: told, but not counted again."""
        stage = self.life.stage_of(rule.id)
        if stage is Stage.draft:
            return False
        if new:
            self.tally.hit(HitKey(rule.id, self._tenant_id, self._day, stage), event_id)
        if stage is Stage.shadow:
            return False
        place = (rule.id, self._tenant_id)
        if place not in self.tally.quarantined and not self.life.is_barred(rule, self._tenant_id):
            reason = self._flood.count(*place[::-1]) if new else ""
            if not reason:
                return True
            self._bar(rule, Quarantine(rule, self._tenant_id, self._tenant_id, "flooded", reason, self._received))
        if new:
            self.tally.overflow[place] += 1
        return False

    def threw(self, rule: Rule, reason: str) -> None:
        """The rule is to be asked no more."""
        self._bar(rule, Quarantine(rule, EVERYWHERE, self._tenant_id, "threw", reason, self._received))

    def _bar(self, rule: Rule, quarantine: Quarantine) -> None:
        self.tally.quarantined.setdefault((rule.id, quarantine.tenant_id), quarantine)
