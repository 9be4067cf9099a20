"""The gate before an exception: what it may not take away.

Raises Misconfigured, in words for the person who asks, for an exception without owner, reason or a near expiry, for a
filter that takes away everything, and for one that silences a sample which the rule must match.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from detectors.release.exceptions import Filter, TenantException, read_filter
from detectors.release.life import Life
from detectors.rule_samples import Sample, run_sample, samples_of
from detectors.sigma.match import RuleSet
from detectors.sigma.rule import Rule
from detectors.sigma.tree import leaves
from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource
from jikimi.domain.passport import allowing
from jikimi.domain.tenant import Tenant
from jikimi.errors import Misconfigured

LONGEST = timedelta(days=366)
"""An exception is looked at again at least once a year."""

_COMPANY = Tenant("gate", "gate", media=allowing("KNOWN-1", since=datetime(2026, 1, 1, tzinfo=UTC)))
"""Whose events samples are (rules/README.md)."""
_PROBES = ("jikimi-probe-7f3a", "0", "71993", "가나다", "C:\\x\\y.z", "/q/w", "203.0.113.7")
"""Values that no exception means: a filter that takes all of them away takes away whatever there is."""


class Judged(NamedTuple):
    """An exception that may be granted. `samples` is how many samples the rule was shown to match still."""

    rule: Rule
    text: str
    owner: str
    reason: str
    expires_at: datetime
    samples: int


def judge(
    text: str, rule: Rule, every: Mapping[str, Rule], *, owner: str, reason: str, expires_at: datetime, now: datetime
) -> Judged:
    """Blocks for a moment: it runs the rule's samples."""
    check_terms(owner, reason, expires_at, now)
    return Judged(rule, text, owner.strip(), reason.strip(), expires_at, check_filter(text, rule, every))


def check_terms(owner: str, reason: str, expires_at: datetime, now: datetime) -> None:
    """Who answers for it, why, and until when."""
    if not owner.strip():
        raise Misconfigured("an exception needs an owner: the person who answers for it")
    if not reason.strip():
        raise Misconfigured("an exception needs a reason that somebody else will understand in a year")
    if expires_at <= now:
        raise Misconfigured(f"the exception would have expired before it began ({expires_at:%Y-%m-%d})")
    if expires_at - now > LONGEST:
        raise Misconfigured(f"an exception lasts a year at most: until {now + LONGEST:%Y-%m-%d}")


def check_filter(text: str, rule: Rule, every: Mapping[str, Rule]) -> int:
    """How many samples the rule was shown to match still. 0: it has none, so that nothing could be shown."""
    meant = read_filter(text, rule, every)
    if _takes_all(meant):
        raise Misconfigured(
            "the filter takes away every event: its condition says what stays, so name what is excepted, "
            "and say `condition: not selection`"
        )
    around = _around(rule, every)
    shown = 0
    for sample in _samples(rule):
        if not _found(around, rule, sample, Life()):
            continue
        granted = TenantException("gate", _COMPANY.id, rule.id, meant, datetime.max.replace(tzinfo=UTC))
        if not _found(around, rule, sample, Life(exceptions=[granted])):
            raise Misconfigured(f"the exception would silence the rule's own sample: {sample.why}")
        shown += 1
    return shown


def _takes_all(meant: Filter) -> bool:
    fields = sorted({getattr(leaf, "field", None) or "Probe" for leaf in leaves(meant.condition)})
    probes: list[Event] = [{name: f"{value}{n}" for n, name in enumerate(fields)} for value in _PROBES]
    return all(meant.takes_away(LogSource(), probe) for probe in probes)


def _around(rule: Rule, every: Mapping[str, Rule]) -> RuleSet:
    """The rule and what feeds it."""
    feeders = rule.correlation.rules if rule.correlation is not None else ()
    return RuleSet([*(every[feeder] for feeder in dict.fromkeys(feeders) if feeder in every), rule])


def _samples(rule: Rule) -> list[Sample]:
    return [s for s in samples_of(Path(rule.file)) if s.rule == rule.id and s.expect == "match"]


def _found(rules: RuleSet, rule: Rule, sample: Sample, life: Life) -> bool:
    return any(finding.rule_id == rule.id for finding in run_sample(rules, sample, _COMPANY, life))
