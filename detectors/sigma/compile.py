"""A rule's tree as a closure over the atoms of an event."""

from collections.abc import Callable
from typing import TypeAlias

from detectors.sigma.fields import Atoms, FieldScanners
from detectors.sigma.scan import Numbers
from detectors.sigma.tree import All, AnyOf, Exists, FieldRef, Node, Not, Null
from detectors.sigma.values import is_null, texts_of

Holds: TypeAlias = Callable[[Atoms], bool]
_Group: TypeAlias = tuple[str | None, Numbers]


def compile_tree(node: Node, scanners: FieldScanners) -> Holds:
    """Does the tree hold? Equal tests are asked of their field's atoms, the few others of the event itself."""
    if isinstance(node, Not):
        inner = compile_tree(node.item, scanners)
        return lambda atoms: not inner(atoms)
    if isinstance(node, All):
        return _every(*_parted(node.items, scanners))
    if isinstance(node, AnyOf):
        return _some(*_parted(node.items, scanners))
    if isinstance(node, Null):
        return lambda atoms: is_null(atoms.value(node.field))
    if isinstance(node, Exists):
        return lambda atoms: atoms.has(node.field)
    if isinstance(node, FieldRef):
        return _fieldref(node)
    number, field = scanners.number(node), node.field
    return lambda atoms: number in atoms[field]


def _parted(items: tuple[Node, ...], scanners: FieldScanners) -> tuple[list[_Group], list[Holds]]:
    """The tests in groups of one field, the field with the fewest tests first, and what is no plain test."""
    by_field: dict[str | None, set[int]] = {}
    others: list[Holds] = []
    for item in items:
        if isinstance(item, All | AnyOf | Not | Null | Exists | FieldRef):
            others.append(compile_tree(item, scanners))
        else:
            by_field.setdefault(item.field, set()).add(scanners.number(item))
    groups = [(field, frozenset(numbers)) for field, numbers in by_field.items()]
    return sorted(groups, key=lambda group: scanners.tests(group[0])), others


def _every(groups: list[_Group], others: list[Holds]) -> Holds:
    def every(atoms: Atoms) -> bool:
        for field, needed in groups:
            if not needed <= atoms[field]:
                return False
        for holds in others:  # noqa: SIM110 - a generator costs more than the tests
            if not holds(atoms):
                return False
        return True

    return every


def _some(groups: list[_Group], others: list[Holds]) -> Holds:
    def some(atoms: Atoms) -> bool:
        for field, wanted in groups:
            if not wanted.isdisjoint(atoms[field]):
                return True
        for holds in others:  # noqa: SIM110 - as above
            if holds(atoms):
                return True
        return False

    return some


def _fieldref(test: FieldRef) -> Holds:
    compare: dict[str, Callable[[str, str], bool]] = {
        "equals": lambda a, b: a == b,
        "startswith": lambda a, b: a.startswith(b),
        "endswith": lambda a, b: a.endswith(b),
        "contains": lambda a, b: b in a,
    }
    fits = compare[test.how]

    def holds(atoms: Atoms) -> bool:
        others = [text.casefold() for text in texts_of(atoms.value(test.other))]
        return any(fits(text.casefold(), other) for text in texts_of(atoms.value(test.field)) for other in others)

    return holds
