"""Filters (Sigma filters specification 2.1): one tuning for many rules.

A filter's condition is joined to each rule by `and`, as written: to leave events out it says `not selection`. It is for
the rules it names by id or name, or for `any`, and of these for those whose log source its own includes. It is not for
correlations: filter the rules they are fed by.
"""

from collections.abc import Collection, Sequence

import msgspec
from sigma.filters import SigmaFilter
from sigma.rule import SigmaLogSource

from detectors.sigma.conditions import tree_of
from detectors.sigma.identity import as_id
from detectors.sigma.modifiers import Unsupported
from detectors.sigma.placeholders import Placeholders
from detectors.sigma.rule import Rule
from detectors.sigma.tree import Node, all_of
from jikimi.domain.logsource import LogSource

ANY_RULE = "any"


class Filter(msgspec.Struct, frozen=True):
    """`rules` are ids and names, or None for any."""

    title: str
    logsource: LogSource
    rules: tuple[str, ...] | None
    condition: Node

    def is_for(self, rule: Rule) -> bool:
        """Does it name the rule (or any) and include its log source?"""
        named = self.rules is None or rule.id in self.rules or (rule.name and rule.name in self.rules)
        return bool(named) and rule.correlation is None and _includes(self.logsource, rule.logsource)


def filter_of(item: SigmaFilter, placeholders: Placeholders) -> Filter:
    """A filter as pySigma reads it. Raises `Unsupported`, or what pySigma raises for a condition it cannot read."""
    stated = item.filter.rules
    if not isinstance(stated, str) and not all(isinstance(reference.reference, str) for reference in stated):
        raise Unsupported("a filter's rules are ids and names, or `any`", "rules:")
    return Filter(
        title=item.title,
        logsource=stated_source(item.logsource),
        rules=None if isinstance(stated, str) else tuple(as_id(reference.reference) for reference in stated),
        condition=tree_of(item.filter, placeholders),
    )


def stated_source(item: SigmaLogSource) -> LogSource:
    """What a rule or a filter states of its events. Raises `Unsupported` for what is no text."""
    stated = {"product": item.product, "category": item.category, "service": item.service}
    for name, value in stated.items():
        if not isinstance(value, str | None):
            raise Unsupported(f"the log source's {name} must be a text", f"{name}:")
    return LogSource(**stated)


def filtered(rule: Rule, filters: Sequence[Filter]) -> Rule:
    """The rule under every filter that is for it."""
    conditions = [one.condition for one in filters if one.is_for(rule)]
    if not conditions:
        return rule
    return msgspec.structs.replace(rule, condition=all_of((rule.condition, *conditions)))


def without_effect(one: Filter, rules: Collection[Rule]) -> Unsupported | None:
    """Why the filter, or a part of it, does nothing among these rules; None when all of it does something."""
    if one.rules is None:
        idle = not any(map(one.is_for, rules))
        return Unsupported("no loaded rule has the filter's log source", "logsource") if idle else None
    for name in one.rules:
        rule = next((rule for rule in rules if name in (rule.id, rule.name)), None)
        if rule is None:
            return Unsupported(f"the filter names {name!r}, which is not among the loaded rules", name)
        if rule.correlation is not None:
            return Unsupported(f"the filter names {name!r}, a correlation: filter the rules it is fed by", name)
        if not one.is_for(rule):
            why = f"the filter names {name!r}, whose log source ({rule.logsource}) is not the filter's"
            return Unsupported(why, name)
    return None


def _includes(wide: LogSource, narrow: LogSource) -> bool:
    pairs = ((wide.product, narrow.product), (wide.category, narrow.category), (wide.service, narrow.service))
    return all(stated is None or stated == other for stated, other in pairs)
