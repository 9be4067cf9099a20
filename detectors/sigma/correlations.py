"""The correlation section of a rule file, as pySigma reads it, into a `Correlation` (Sigma correlations 2.1)."""

from collections.abc import Mapping
from typing import Any, cast

from sigma.correlations import SigmaCorrelationRule

from detectors.sigma.correlation_condition import OPERATORS, Condition, bounds_of, expression_of, names_in, places_of
from detectors.sigma.identity import as_id
from detectors.sigma.modifiers import Unsupported
from detectors.sigma.rule import Correlation, CorrelationType, Rule

MOST = 10_000
"""The largest count a condition may ask for: what is kept of one group stays small."""
LONGEST = 3_660 * 24 * 3_600
"""The longest timespan, in seconds: when a group may be forgotten must be a date."""
RULES = 100
"""The most rules one correlation may name."""

_COUNTS = ("event_count", "value_count", "temporal", "temporal_ordered")
_TEMPORAL = ("temporal", "temporal_ordered")
_OF_VALUES = ("value_count", "value_sum", "value_avg", "value_percentile", "value_median")
_KEYS = frozenset({"type", "rules", "group-by", "timespan", "condition", "aliases", "generate"})


def shim(document: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """The document as pySigma can read it, and its condition as written.

    pySigma takes one comparison only (a range has two), words only in lower case and of names without a hyphen, and
    `generate` only inside the correlation.
    """
    section = document.get("correlation")
    if not isinstance(section, dict):
        return document, None
    _check(section)
    section = dict(section)
    document = {**document, "correlation": section}
    if "generate" in document:
        section.setdefault("generate", document.pop("generate"))
    condition = section.get("condition")
    if isinstance(condition, dict):
        first = next((op for op in OPERATORS if op in condition), None)
        section["condition"] = {k: v for k, v in condition.items() if k not in OPERATORS or k == first}
    elif isinstance(condition, str) and section.get("type") in _TEMPORAL:
        del section["condition"]
        section.setdefault("rules", names_in(condition))
    return document, condition


def _check(section: dict[Any, Any]) -> None:
    """What pySigma would let pass: an unknown part, and names that are no text."""
    if unknown := sorted(map(str, section.keys() - _KEYS)):
        raise Unsupported(f"the correlation has no part called {unknown[0]!r}", f"{unknown[0]}:")
    for part in ("type", "timespan"):
        if part in section and not isinstance(section[part], str):
            raise Unsupported(f"the {part} of a correlation is text, not {section[part]!r}", f"{part}:")
    for part in ("rules", "group-by"):
        names = section.get(part) or []
        for name in names if isinstance(names, list) else [names]:
            if not isinstance(name, str) or not name:
                raise Unsupported(f"{name!r} in {part} is not a name", f"{part}:")


def correlation_of(item: SigmaCorrelationRule, stated: Any, known: Mapping[str, Rule]) -> Correlation:
    """`known` finds a rule by id or name, `stated` is the condition. Raises `Unsupported`."""
    kind = cast("CorrelationType", item.type.name.lower())
    names = [reference.reference for reference in item.rules or []]
    if not names or len(names) > RULES:
        raise Unsupported(f"a correlation names 1 to {RULES} rules, not {len(names)}", "rules:")
    feeders = tuple(known[as_id(name)].id for name in names)
    field = stated.get("field", ()) if isinstance(stated, dict) else ()
    if item.timespan.seconds > LONGEST:
        raise Unsupported("a timespan longer than 10 years is not supported", "timespan:")
    return Correlation(
        type=kind,
        rules=feeders,
        timespan=item.timespan.seconds,
        condition=_condition(kind, stated, names, feeders),
        group_by=tuple(item.group_by or ()),
        aliases={a.alias: _alias(a.mapping, known, feeders) for a in item.aliases},
        field=_fields(kind, field),
    )


def references_of(item: SigmaCorrelationRule) -> list[str]:
    """The ids and names of rules that must be known before this correlation can be read."""
    return [as_id(reference.reference) for reference in item.rules or []]


def _condition(kind: CorrelationType, stated: Any, names: list[str], feeders: tuple[str, ...]) -> Condition:
    if stated is None and kind in _TEMPORAL:
        return Condition((("gte", len(set(feeders))),))
    if isinstance(stated, str):
        return _in_words(kind, stated, names)
    if not isinstance(stated, dict):
        raise Unsupported("the condition must be a map of comparisons", "condition:")
    if unknown := sorted(map(str, stated.keys() - {*OPERATORS, "field", "percentile"})):
        raise Unsupported(f"a condition has no part called {unknown[0]!r}", f"{unknown[0]}:")
    if ("percentile" in stated) != (kind == "value_percentile"):
        raise Unsupported("percentile belongs to value_percentile, which needs it", "percentile:")
    condition = Condition(
        bounds_of(stated, whole=kind in _COUNTS), percentile=_percentile(stated.get("percentile", 50))
    )
    _check_reach(kind, condition, len(set(feeders)) if kind == "temporal" else len(feeders))
    return condition


def _check_reach(kind: CorrelationType, condition: Condition, rules: int) -> None:
    if kind in _TEMPORAL and condition.least > rules:
        raise Unsupported(f"the condition asks for {condition.least} rules of {rules}", "condition:")
    if kind == "temporal_ordered" and condition.least != rules:
        raise Unsupported("temporal_ordered over a part of its rules has no order to follow", "condition:")
    largest = max((abs(number) for _, number in condition.bounds), default=0)
    if kind in _COUNTS and largest > MOST:
        raise Unsupported(f"a count above {MOST} is not supported", "condition:")


def _in_words(kind: CorrelationType, stated: str, names: list[str]) -> Condition:
    """`a and b or not c` of rule names; for temporal_ordered only every rule in the order of `rules`."""
    if kind not in _TEMPORAL:
        raise Unsupported(f"a condition in words belongs to temporal types, not to {kind}", "condition:")
    condition = Condition(expression=expression_of(stated, names))
    expression = condition.expression
    assert expression is not None  # noqa: S101 - two lines above
    if unused := sorted({*range(len(names))} - {*places_of(expression)}):
        raise Unsupported(f"the condition does not name {names[unused[0]]!r}", "condition:")
    if condition.holds_for(frozenset()):
        raise Unsupported("the condition holds when nothing at all happens, which no event can tell", "condition:")
    if kind == "temporal":
        return condition
    everything = frozenset(range(len(names)))
    partly = any(condition.holds_for(everything - {place}) for place in everything)
    if partly or places_of(expression) != sorted(places_of(expression)) or not condition.holds_for(everything):
        raise Unsupported(
            "temporal_ordered in words is every rule joined by `and`, in the order of `rules`", "condition:"
        )
    return Condition((("gte", len(names)),))


def _fields(kind: CorrelationType, stated: Any) -> tuple[str, ...]:
    fields = (stated,) if isinstance(stated, str) or not isinstance(stated, list | tuple) else tuple(stated)
    if not all(isinstance(field, str) and field for field in fields):
        raise Unsupported("field must be the name of a field, or a list of names", "field:")
    if bool(fields) != (kind in _OF_VALUES):
        raise Unsupported(f"{kind} {'needs a field' if kind in _OF_VALUES else 'counts no field'}", "condition:")
    if len(fields) > 1 and kind != "value_count":
        raise Unsupported(f"{kind} is of one field", "field:")
    return fields


def _percentile(stated: Any) -> int:
    if isinstance(stated, bool) or not isinstance(stated, int) or not 0 <= stated <= 100:
        raise Unsupported(f"the percentile {stated!r} is not a whole number from 0 to 100", "percentile:")
    return stated


def _alias(mapping: Mapping[Any, Any], known: Mapping[str, Rule], feeders: tuple[str, ...]) -> dict[str, str]:
    alias = {}
    for reference, field in mapping.items():
        rule = known.get(as_id(reference.reference))
        if rule is None or rule.id not in feeders:
            raise Unsupported(
                f"the alias is for {reference.reference!r}, which the correlation does not name", "aliases:"
            )
        if not isinstance(field, str):
            raise Unsupported(f"the alias for {reference.reference!r} must be the name of a field", "aliases:")
        alias[rule.id] = field
    return alias
