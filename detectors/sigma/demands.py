"""What a rule's tree demands of an event: clauses, each a set of literals of which one must be there.

A literal is cheap to look for: a plain text that the value of a field has (`Hit`) or has not (`Miss`), or bytes that
stand in the line (`Raw`, for keywords). Clauses may let through events for which the rule does not hold, never keep
away one for which it does; what they cannot say (addresses, numbers, null) they leave out.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import TypeAlias

import msgspec

from detectors.sigma.fields import fields_asked
from detectors.sigma.literals import clauses_of
from detectors.sigma.regex_texts import necessary_texts
from detectors.sigma.scan import is_plain
from detectors.sigma.tree import ANY, All, AnyOf, Node, Not, Regex, Test, Text, leaves


class Hit(msgspec.Struct, frozen=True, gc=False):
    """The field has a value for which the plain test holds."""

    test: Text
    field: str


class Miss(msgspec.Struct, frozen=True, gc=False):
    """It has none, or is missing."""

    test: Text
    field: str


class Raw(msgspec.Struct, frozen=True, gc=False):
    """These bytes stand in the line, whatever the case of their letters."""

    text: bytes


Literal: TypeAlias = Hit | Miss | Raw
Clause: TypeAlias = frozenset[Literal]

Share: TypeAlias = Callable[[Literal], float]
"""Of the events, how many have a literal; a guess, or what was counted (`shares`)."""


def demands_of(tree: Node, unknown: AbstractSet[str], share: Share) -> list[Clause]:
    """Clauses that all hold for every event for which the tree holds, the rarest first.

    Fields in `unknown` are not asked. A clause without literals holds for no event.
    """
    found = _demands(tree, True, unknown, share)
    return sorted(dict.fromkeys(found), key=lambda clause: sum(map(share, clause)))


def literals_of(tree: Node, unknown: AbstractSet[str]) -> set[Literal]:
    """Every literal of which clauses of the tree may be made."""
    return {
        literal
        for test in leaves(tree)
        for holds in (True, False)
        for clause in _demands(test, holds, unknown, lambda _: 0.0)
        for literal in clause
    }


def _demands(node: Node, holds: bool, unknown: AbstractSet[str], share: Share) -> list[Clause]:
    if isinstance(node, Not):
        return _demands(node.item, not holds, unknown, share)
    if not isinstance(node, All | AnyOf):
        return [] if any(field in unknown for field in fields_asked(node)) else _of_test(node, holds)
    if isinstance(node, All) == holds:
        return [clause for item in node.items for clause in _demands(item, holds, unknown, share)]
    chosen: list[Clause] = []
    for item in node.items:
        clauses = _demands(item, holds, unknown, share)
        if not clauses:
            return []
        chosen.append(min(clauses, key=lambda clause: sum(map(share, clause))))
    return [frozenset[Literal]().union(*chosen)]


def _of_test(test: Test, holds: bool) -> list[Clause]:
    if not isinstance(test, Text | Regex):
        return []
    field = test.field
    if field is None:
        return [frozenset(map(Raw, clause)) for clause in clauses_of(test)] if holds else []
    if isinstance(test, Text) and is_plain(test):
        return [frozenset((Hit(test, field) if holds else Miss(test, field),))]
    return [frozenset(Hit(text, field) for text in texts) for texts in _texts(test, field)] if holds else []


def _texts(test: Text | Regex, field: str) -> list[list[Text]]:
    """Plain texts, one of each list in every value for which the test holds."""
    if isinstance(test, Regex):
        return [[Text(field, (ANY, text, ANY)) for text in texts] for texts in necessary_texts(test.pattern)]
    if test.cased and is_plain(plain := Text(field, test.pattern)):
        return [[plain]]
    last = len(test.pattern) - 1
    return [
        [Text(field, (part, ANY) if place == 0 else (ANY, part) if place == last else (ANY, part, ANY))]
        for place, part in enumerate(test.pattern)
        if isinstance(part, str) and part
    ]
