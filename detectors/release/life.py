"""What the database says of rules, as one snapshot: a look-up for every match, and nothing more."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from detectors.release.exceptions import TenantException
from detectors.release.stages import Stage, asked
from detectors.release.tally import EVERYWHERE
from detectors.sigma.match import RuleSet
from detectors.sigma.rule import Rule

Barred = Mapping[tuple[str, str], tuple[str, str]]
"""(rule id, company or EVERYWHERE) → (version of the rule that is in quarantine, why)."""


class Life:
    """Stages, quarantine and exceptions. A rule of which nothing is said is live, free and without exception."""

    def __init__(
        self,
        stages: Mapping[str, Stage] | None = None,
        barred: Barred | None = None,
        exceptions: Iterable[TenantException] = (),
    ) -> None:
        self._stages = dict(stages or {})
        self._barred = dict(barred or {})
        self._exceptions: dict[str, list[TenantException]] = {}
        for one in exceptions:
            self._exceptions.setdefault(one.tenant_id, []).append(one)

    def stage_of(self, rule_id: str) -> Stage:
        return self._stages.get(rule_id, Stage.live)

    def is_barred(self, rule: Rule, tenant_id: str) -> bool:
        """In quarantine for this company, in this version."""
        known = self._barred.get((rule.id, tenant_id))
        return known is not None and known[0] == rule.version

    def exceptions(self, tenant_id: str, now: datetime) -> list[TenantException]:
        """The company's own that have not expired."""
        return [one for one in self._exceptions.get(tenant_id, ()) if one.expires_at > now]

    def broken(self, rules: Iterable[Rule]) -> dict[str, str]:
        """Those of the rules that threw in this version, with what they threw."""
        known = ((rule, self._barred.get((rule.id, EVERYWHERE))) for rule in rules)
        return {rule.id: found[1] for rule, found in known if found is not None and found[0] == rule.version}

    def asked(self, rules: Iterable[Rule]) -> tuple[Rule, ...]:
        """The rules to run."""
        every = tuple(rules)
        return asked(every, self.stage_of, self.broken(every))


def running(rules: RuleSet, life: Life) -> RuleSet:
    """`rules` itself, or a smaller set when some of it is not to be asked."""
    wanted = life.asked(rules.rules)
    return rules if len(wanted) == len(rules.rules) else RuleSet(wanted, rules.open)
