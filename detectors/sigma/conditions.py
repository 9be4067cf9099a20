"""A rule's detections and condition, as pySigma resolves them, into one tree (specification: "Detection", "Condition").

pySigma resolves identifiers, `1 of pattern*`, `all of them` (names that start with `_` are left out), maps (AND), lists
(OR) and `|all`; a condition that is a list holds when one of its items does.
"""

import re
from collections.abc import Collection
from typing import Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
    SigmaCondition,
)
from sigma.rule import SigmaDetections

from detectors.sigma.modifiers import Unsupported, test_of
from detectors.sigma.placeholders import NONE, Placeholders
from detectors.sigma.tree import FALSE, TRUE, All, AnyOf, Node, Not, Text, all_of, any_of, negate

DEEPEST = 100
"""More parentheses in one condition, or a detection nested deeper, is refused: no real one comes near."""


_WORDS = frozenset({"and", "or", "not", "of", "all", "any", "them"})
_WORD = re.compile(r"[^\s()]+")


def tree_of(detections: SigmaDetections, placeholders: Placeholders = NONE) -> Node:
    """The whole condition. Raises `Unsupported`, or what pySigma raises for a condition it cannot read."""
    return any_of(tuple(_node(_parsed(text, detections), placeholders) for text in detections.condition))


def _parsed(text: Any, detections: SigmaDetections) -> Any:
    if not isinstance(text, str):
        raise Unsupported("a condition is text, or a list of texts", "condition")
    if text.count("(") > DEEPEST:
        raise Unsupported(f"a condition with more than {DEEPEST} parentheses", "condition")
    return SigmaCondition(in_lower_case(text, detections.detections), detections, detections.source).parsed


def in_lower_case(condition: str, names: Collection[str]) -> str:
    """The condition with `AND`, `Or`, … in lower case, as pySigma wants them, unless a search is called that."""

    def lower(found: re.Match[str]) -> str:
        word = found[0]
        return word.lower() if word.lower() in _WORDS and word not in names else word

    return _WORD.sub(lower, condition)


def _node(item: Any, placeholders: Placeholders) -> Node:
    if isinstance(item, ConditionFieldEqualsValueExpression):
        return test_of(item.field.strip(), item.value, placeholders)
    if isinstance(item, ConditionValueExpression):
        return test_of(None, item.value, placeholders)
    if isinstance(item, ConditionAND):
        return all_of(tuple(_node(arg, placeholders) for arg in item.args))
    if isinstance(item, ConditionOR):
        return any_of(tuple(_node(arg, placeholders) for arg in item.args))
    if isinstance(item, ConditionNOT):
        return negate(_node(item.args[0], placeholders))
    raise Unsupported(f"condition part {type(item).__name__} is not supported", "condition")


def fold(node: Node, known: dict[str, str]) -> Node:
    """The tree with every test of a field whose only value is already `known` replaced by its truth."""
    if isinstance(node, All):
        return all_of(tuple(fold(item, known) for item in node.items))
    if isinstance(node, AnyOf):
        return any_of(tuple(fold(item, known) for item in node.items))
    if isinstance(node, Not):
        return negate(fold(node.item, known))
    if isinstance(node, Text) and len(node.pattern) == 1 and isinstance(node.pattern[0], str):
        value = known.get(node.field) if node.field is not None else None
        if value is not None and not node.cased:
            return TRUE if value.casefold() == node.pattern[0].casefold() else FALSE
    return node
