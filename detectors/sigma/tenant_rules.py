"""The rules that a company's own placeholder values make usable: a small set beside the one that all share.

Only rules with placeholders are compiled for it, so that a company without values costs nothing; companies with the
same values share one set, and the sets used last are kept.
"""

from collections import OrderedDict
from typing import TypeAlias

from sigma.rule import SigmaRule

from detectors.sigma.load import item_of, rule_of
from detectors.sigma.match import RuleSet
from detectors.sigma.modifiers import Unsupported
from detectors.sigma.open_rules import OpenRules
from detectors.sigma.placeholders import Placeholders

KEPT = 64
"""Sets kept compiled; beyond it the one not used for longest is compiled anew when it is needed."""

_Values: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]


class TenantRules:
    """Gives each company its set. Not thread-safe."""

    def __init__(self, open_rules: OpenRules) -> None:
        self._open = open_rules
        self._kept: OrderedDict[_Values, RuleSet] = OrderedDict()

    def of(self, placeholders: Placeholders) -> RuleSet | None:
        """The rules these values are for; None when there are none."""
        if not placeholders or not self._open.rules:
            return None
        key = tuple(sorted((name, tuple(values)) for name, values in placeholders.items()))
        rules = self._kept.pop(key, None) or expand(self._open, placeholders)
        self._kept[key] = rules
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return rules if rules.rules else None


def expand(open_rules: OpenRules, placeholders: Placeholders) -> RuleSet:
    """The open rules all of whose placeholders have values."""
    found = []
    for one in open_rules.rules:
        item, _ = item_of(one.document(), one.file)
        if isinstance(item, SigmaRule):
            try:
                found.append(rule_of(item, one.file, placeholders, open_rules.filters))
            except Unsupported:  # a value is still missing, as the load report says of the rule
                continue
    return RuleSet(found)
