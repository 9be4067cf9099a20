"""A company's exception to a rule: a Sigma filter (specification: "Filters") with an owner, a reason and an expiry.

As everywhere in Sigma the rule holds for an event when its own condition *and* the filter's hold. The filter concerns
a rule when the log source it states is part of the rule's and its `rules` name the rule (by id or name) or say `any`.
For a correlation it concerns the rules that feed it: an event that the filter takes away is not counted by that
correlation, for that company.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sigma.filters import SigmaFilter

from detectors.sigma.conditions import tree_of
from detectors.sigma.match import RuleSet
from detectors.sigma.regex import POLICY
from detectors.sigma.rule import Rule
from detectors.sigma.source import Source
from detectors.sigma.tree import Node, negate
from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource
from jikimi.errors import Misconfigured


class Filter:
    """What is taken away of a rule. A test that throws takes nothing away: when in doubt, the rule speaks."""

    def __init__(self, condition: Node, rules: frozenset[str]) -> None:
        self.condition = condition
        self.rules = rules
        """Ids of the rules whose events it judges: the rule itself, or those that feed the correlation."""
        away = Rule("", "exception", "", (), LogSource(), "", "", condition=negate(condition))
        self._away = RuleSet([away])

    def takes_away(self, logsource: LogSource, event: Event) -> bool:
        """True when the filter's condition does not hold for the event."""
        return bool(self._away.match(logsource, [event]))


@dataclass(frozen=True, slots=True)
class TenantException:
    """One that was granted."""

    id: str
    tenant_id: str
    rule_id: str
    filter: Filter
    expires_at: datetime


def read_filter(text: str, rule: Rule, every: Mapping[str, Rule]) -> Filter:
    """Raises Misconfigured for what is no Sigma filter, cannot be understood, or does not concern the rule."""
    parsed = _parse(text)
    named = {rule.id, rule.name} - {""}
    if rule.correlation is None:
        judged = [rule]
    else:
        judged = [every[feeder] for feeder in dict.fromkeys(rule.correlation.rules) if feeder in every]
        if any(feeder.correlation is not None for feeder in judged):
            raise Misconfigured(f"{rule.title!r} counts other correlations; except the one that counts the events")
    concerned = frozenset(one.id for one in judged if _concerns(parsed, one, named))
    if not concerned:
        raise Misconfigured(
            f"the filter does not concern the rule {rule.title!r}: its 'rules' must name {rule.id} (or say any), its "
            f"logsource must be part of {', '.join(sorted({str(one.logsource) for one in judged}))}"
        )
    try:
        return Filter(tree_of(parsed.filter), concerned)
    except Exception as error:  # pySigma raises many kinds on odd detections and conditions
        raise Misconfigured(f"the filter cannot be used: {_words(error)}") from error


def _parse(text: str) -> SigmaFilter:
    try:
        found = [document.content for document in Source("filter", text.encode()).documents()]
    except Exception as error:  # YAML that is no YAML raises many kinds; each is a refusal
        raise Misconfigured(
            f"the filter is not readable as YAML: {getattr(error, 'problem', None) or error}"
        ) from error
    documents = [content for content in found if content is not None]
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise Misconfigured(f"an exception is one Sigma filter; there are {len(documents)} documents in this file")
    try:
        return SigmaFilter.from_dict(documents[0], policy=POLICY)
    except Exception as error:  # pySigma raises many kinds on odd YAML
        raise Misconfigured(f"this is no Sigma filter: {_words(error)}") from error


def _concerns(parsed: SigmaFilter, rule: Rule, also_named: set[str]) -> bool:
    stated = parsed.logsource
    for here, there in (
        (stated.product, rule.logsource.product),
        (stated.category, rule.logsource.category),
        (stated.service, rule.logsource.service),
    ):
        if here is not None and here != there:
            return False
    if isinstance(parsed.filter.rules, str):
        return True
    names = {str(reference.reference) for reference in parsed.filter.rules}
    return bool(names & (also_named | {rule.id, rule.name}))


def _words(error: Exception) -> str:
    return " ".join(str(error.args[0] if error.args else error).split())
