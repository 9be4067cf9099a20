"""Rules that are asked about every event of their log source, since nothing cheap must be there for them to hold.

A rule is quick when some text of a few letters, or an event id, must stand in every event it matches.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from detectors.sigma.rule import Rule
from detectors.sigma.tree import All, AnyOf, Cidr, Node, Regex, Text
from detectors.workshop.documents import Document
from detectors.workshop.remark import Remark

SHORTEST = 3
"""Letters in a row that are rare enough to search for."""

_RARE = frozenset({"agent_health", "antivirus", "malware_scan", "removable_media", "web_integrity"})
"""Categories with so few events that a rule may look at each of them."""

_LITERAL = re.compile(r"(?:\\.|[^\\\[\](){}.*+?|^$])+")
_ESCAPED = re.compile(r"\\(?:[dDwWsSbBAzZ]|[pP]\{\w+\}|x[0-9a-fA-F]{2})")
_OPTIONAL = re.compile(r"\([^()]*\)[*?]|\([^()]*\)\{0|.\{0,|\[[^\]]*\]")
_TEXT = "it can match without any text of {} letters, so it is asked about every event of {}; add one if you can"


def remarks_of_slow(rules: Sequence[Rule], documents: Mapping[str, Document]) -> Iterator[Remark]:
    """A remark on every rule without a text to search for, where events are many."""
    for rule in rules:
        if rule.correlation is not None or rule.logsource.category in _RARE or narrows(rule.condition):
            continue
        if (document := documents.get(rule.id)) is not None:
            text = _TEXT.format(SHORTEST, rule.logsource)
            yield Remark(rule.title, rule.file, document.line_of("detection:"), "slow", text)


def narrows(node: Node) -> bool:
    """True when an event must hold some searchable text for the tree to be true."""
    if isinstance(node, All):
        return any(map(narrows, node.items))
    if isinstance(node, AnyOf):
        return all(map(narrows, node.items))
    if isinstance(node, Text):
        longest = max((len(part) for part in node.pattern if isinstance(part, str)), default=0)
        whole = len(node.pattern) == 1 and longest > 0  # the field's whole value: found by its quotes
        return longest >= SHORTEST or whole
    if isinstance(node, Regex):
        return _has_literal(node.pattern)
    return isinstance(node, Cidr)


def _has_literal(pattern: str) -> bool:
    """Some literal stands outside of alternatives and optional groups. Guesses on the strict side."""
    plain = _OPTIONAL.sub("(", _ESCAPED.sub("(", pattern))
    if "|" in re.sub(r"\([^()]*\)", "", plain):
        return False
    return any(len(part.replace("\\", "")) >= SHORTEST for part in _LITERAL.findall(plain))
