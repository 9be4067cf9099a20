"""A rule's detections and condition, as pySigma resolves them, into one tree (specification: "Detection", "Condition").

pySigma resolves identifiers, `1 of pattern*`, `all of them` (names that start with `_` are left out), maps (AND), lists
(OR) and `|all`; a condition that is a list holds when one of its items does.
"""

from typing import Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.rule import SigmaRule

from detectors.sigma.modifiers import Unsupported, test_of
from detectors.sigma.tree import FALSE, TRUE, All, AnyOf, Node, Not, Text, all_of, any_of, negate


def tree_of(rule: SigmaRule) -> Node:
    """The rule's whole condition. Raises `Unsupported`, or what pySigma raises for a condition it cannot read."""
    return any_of(tuple(_node(condition.parsed) for condition in rule.detection.parsed_condition))


def _node(item: Any) -> Node:
    if isinstance(item, ConditionFieldEqualsValueExpression):
        return test_of(item.field.strip(), item.value)
    if isinstance(item, ConditionValueExpression):
        return test_of(None, item.value)
    if isinstance(item, ConditionAND):
        return all_of(tuple(_node(arg) for arg in item.args))
    if isinstance(item, ConditionOR):
        return any_of(tuple(_node(arg) for arg in item.args))
    if isinstance(item, ConditionNOT):
        return negate(_node(item.args[0]))
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
