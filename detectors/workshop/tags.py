"""ATT&CK in the tags of rules: tactics (`attack.execution`), techniques (`attack.t1059.001`), and which serves which.

A rule names both, but not which technique serves which tactic. That is read from all rules together, without MITRE's
data: a technique belongs to the tactics that stand alone beside it in some rule, else to those that stand beside it
most often; a sub-technique to those of its technique.
"""

import re
from collections import Counter
from collections.abc import Iterable

from detectors.sigma.rule import Rule

_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)$", re.IGNORECASE)
_OTHER_OBJECTS = re.compile(r"(?:t|g|s|ds|c|m)\d{4}")  # groups, software, data sources, campaigns, mitigations


def tactics_of(rule: Rule) -> tuple[str, ...]:
    """The tactics a rule's tags name."""
    names = (tag.removeprefix("attack.").replace("_", "-").lower() for tag in rule.tags if tag.startswith("attack."))
    return tuple(name for name in names if not _OTHER_OBJECTS.match(name))


def techniques_of(rule: Rule) -> tuple[str, ...]:
    """The techniques a rule's tags name, as `T1059.001`."""
    return tuple(found[1].upper() for tag in rule.tags if (found := _TECHNIQUE.match(tag)))


def tactics_of_techniques(rules: Iterable[Rule]) -> dict[str, tuple[str, ...]]:
    """Which tactics each technique serves; a technique beside no tactic serves none."""
    alone: dict[str, Counter[str]] = {}
    beside: dict[str, Counter[str]] = {}
    for rule in rules:
        tactics = tactics_of(rule)
        for technique in {one.partition(".")[0] for one in techniques_of(rule)}:
            beside.setdefault(technique, Counter()).update(tactics)
            if len(tactics) == 1:
                alone.setdefault(technique, Counter()).update(tactics)
    return {technique: tuple(_sure(alone.get(technique) or counts)) for technique, counts in beside.items()}


def _sure(counts: Counter[str]) -> list[str]:
    """Those named at least half as often as the most frequent: a stray tag makes no column."""
    most = max(counts.values(), default=0)
    return [name for name, number in counts.items() if 2 * number >= most]
