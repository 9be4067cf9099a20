"""The correlation section of a rule file, as pySigma reads it, into a `Correlation` (Sigma correlations 2.1).

First version: event_count, value_count, temporal and temporal_ordered over plain rules. Everything else is refused.
"""

from collections.abc import Mapping
from typing import Any, cast

from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationRule, SigmaCorrelationType

from detectors.sigma.modifiers import Unsupported
from detectors.sigma.rule import Correlation, CorrelationType, Rule

MOST = 10_000
"""The largest count a condition may ask for: what is kept of one group stays small."""

_OPERATORS = ("gt", "gte", "lt", "lte", "eq", "neq")
_TEMPORAL = ("temporal", "temporal_ordered")


def shim(document: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The document as pySigma can read it, and its condition if that is a range.

    pySigma takes one comparison only (a range has two) and knows `generate` inside the correlation only.
    """
    section = document.get("correlation")
    if not isinstance(section, dict):
        return document, None
    section = dict(section)
    document = {**document, "correlation": section}
    if "generate" in document:
        section.setdefault("generate", document.pop("generate"))
    condition = section.get("condition")
    if not isinstance(condition, dict) or sum(op in condition for op in _OPERATORS) < 2:
        return document, None
    first = next(op for op in _OPERATORS if op in condition)
    section["condition"] = {k: v for k, v in condition.items() if k not in _OPERATORS or k == first}
    return document, condition


def correlation_of(
    item: SigmaCorrelationRule, stated: dict[str, Any] | None, known: Mapping[str, Rule], refused: frozenset[str]
) -> Correlation:
    """Raises `Unsupported` for what is not matched yet. `known` finds a rule by id or name."""
    kind = item.type.name.lower()
    if item.type not in (
        SigmaCorrelationType.EVENT_COUNT,
        SigmaCorrelationType.VALUE_COUNT,
        SigmaCorrelationType.TEMPORAL,
        SigmaCorrelationType.TEMPORAL_ORDERED,
    ):
        raise Unsupported(f"correlation type {kind} is not supported yet", "type:")
    if not isinstance(item.condition, SigmaCorrelationCondition):
        raise Unsupported("a correlation condition in words (and, or, not) is not supported yet", "condition:")
    feeders = tuple(_feeder(reference.reference, known, refused) for reference in item.rules or [])
    at_least, at_most = _bounds(stated if stated is not None else item.condition.to_dict())
    if kind in _TEMPORAL and at_least > len(set(feeders)):
        raise Unsupported(f"the condition asks for {at_least} rules of {len(set(feeders))}", "condition:")
    if kind == "temporal_ordered" and (at_least != len(feeders) or at_most is not None):
        raise Unsupported("temporal_ordered over a part of its rules is not supported yet", "condition:")
    field = item.condition.fieldref or ()
    return Correlation(
        type=cast("CorrelationType", kind),
        rules=tuple(rule.id for rule in feeders),
        timespan=item.timespan.seconds,
        group_by=tuple(item.group_by or ()),
        aliases={a.alias: _alias(a.mapping, known) for a in item.aliases},
        field=(field,) if isinstance(field, str) else tuple(field),
        at_least=at_least,
        at_most=at_most,
    )


def _feeder(reference: str, known: Mapping[str, Rule], refused: frozenset[str]) -> Rule:
    rule = known.get(reference)
    if rule is None:
        why = "was refused" if reference in refused else "is not among the loaded rules"
        raise Unsupported(f"the correlated rule {reference!r} {why}", reference)
    if rule.correlation is not None:
        raise Unsupported(f"correlating a correlation ({reference!r}) is not supported yet", reference)
    return rule


def _alias(mapping: Mapping[Any, str], known: Mapping[str, Rule]) -> dict[str, str]:
    for reference in mapping:
        if reference.reference not in known:
            raise Unsupported(f"the alias names a rule that is not loaded: {reference.reference!r}", "aliases:")
    return {known[reference.reference].id: field for reference, field in mapping.items()}


def _bounds(condition: dict[str, Any]) -> tuple[int, int | None]:
    """Inclusive bounds of a whole-number condition."""
    low, high = None, None
    for operator, number in condition.items():
        if operator not in _OPERATORS:
            continue
        if not isinstance(number, int) or isinstance(number, bool):
            raise Unsupported(f"the count {number!r} is not a whole number", "condition:")
        if operator in ("gt", "gte", "eq"):
            low = number + (operator == "gt")
        if operator in ("lt", "lte", "eq"):
            high = number - (operator == "lt")
        if operator == "neq":
            raise Unsupported("neq holds for no event at all and cannot be watched on a stream", "neq")
    if low is None or low < 1:
        raise Unsupported("a count that nothing at all fulfils (no lower bound) cannot be watched", "condition:")
    if high is not None and high < low:
        raise Unsupported(f"no count is at least {low} and at most {high}", "condition:")
    if low > MOST:
        raise Unsupported(f"a count above {MOST} is not supported", "condition:")
    return low, high
