"""The plain evaluator: every rule on every event, one test after the other, nothing shared, nothing kept.

Slow and meant to be obviously right; the compiled form is held equal to it by tests. It shares the rule tree and how an
event's values are read (`values`), not how text is matched.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network

from detectors.sigma.route import class_of, complete
from detectors.sigma.rule import Rule
from detectors.sigma.tree import (
    ANY,
    ONE,
    All,
    AnyOf,
    Cidr,
    Compare,
    Exists,
    FieldRef,
    Node,
    Not,
    Null,
    Part,
    Pattern,
    Regex,
    Test,
    Text,
)
from detectors.sigma.values import all_texts, as_number, fields_of, is_null, texts_of, time_part
from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource


def holds(rule: Rule, logsource: LogSource, event: Event) -> bool:
    """Does the rule hold for this event, log source included?"""
    event_class = class_of(logsource, event)
    if not event_class.serves(rule):
        return False
    seen = fields_of(complete(logsource, event), spaced=event_class.spaces_names)
    return evaluate(rule.condition, seen, event)


def evaluate(node: Node, event: Event, whole: Event) -> bool:
    """`event` as rules see it, `whole` as it came (keywords are searched for there)."""
    if isinstance(node, All):
        return all(evaluate(item, event, whole) for item in node.items)
    if isinstance(node, AnyOf):
        return any(evaluate(item, event, whole) for item in node.items)
    if isinstance(node, Not):
        return not evaluate(node.item, event, whole)
    if isinstance(node, Null):
        return is_null(event.get(node.field))
    if isinstance(node, Exists):
        return node.field in event
    if isinstance(node, FieldRef):
        return _refers(node, event)
    texts = all_texts(whole) if node.field is None else texts_of(event.get(node.field))
    return any(_fits(node, text) for text in texts)


def _fits(test: Test, text: str) -> bool:
    if isinstance(test, Text):
        return _glob(test.pattern, text) if test.cased else _glob(_folded(test.pattern), text.casefold())
    if isinstance(test, Regex):
        return re.search(test.pattern, text) is not None
    if isinstance(test, Cidr):
        return _inside(test.network, text)
    if isinstance(test, Part):
        return time_part(text, test.part) == test.number
    if isinstance(test, Compare):
        number = as_number(text) if test.part is None else time_part(text, test.part)
        if number is None:
            return False
        return {
            "lt": number < test.number,
            "lte": number <= test.number,
            "gt": number > test.number,
            "gte": number >= test.number,
        }[test.order]
    raise TypeError(type(test).__name__)


def _folded(pattern: Pattern) -> Pattern:
    return tuple(part.casefold() if isinstance(part, str) else part for part in pattern)


def _glob(pattern: Pattern, text: str) -> bool:
    """By the definition: the set of places in the text that the pattern so far may have reached."""
    places = {0}
    for part in pattern:
        if part == ANY:
            places = set(range(min(places), len(text) + 1)) if places else set()
        elif part == ONE:
            places = {p + 1 for p in places if p < len(text)}
        else:
            literal = str(part)
            places = {p + len(literal) for p in places if text[p : p + len(literal)] == literal}
    return len(text) in places


def _inside(network: str, text: str) -> bool:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any(a in ip_network(network) for a in (address, mapped) if a is not None)


def _refers(test: FieldRef, event: Event) -> bool:
    pairs = (
        (a.casefold(), b.casefold()) for a in texts_of(event.get(test.field)) for b in texts_of(event.get(test.other))
    )
    how: dict[str, Callable[[str, str], bool]] = {
        "equals": str.__eq__,
        "startswith": str.startswith,
        "endswith": str.endswith,
        "contains": str.__contains__,
    }
    return any(how[test.how](a, b) for a, b in pairs)
