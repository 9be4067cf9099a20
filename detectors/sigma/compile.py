"""A rule's tree as a closure over the atoms of an event."""

from collections.abc import Callable
from typing import TypeAlias

from detectors.sigma.bounded import Bounded
from detectors.sigma.checks import Check, check_of, found_by, inside
from detectors.sigma.fields import Atoms, FieldScanners
from detectors.sigma.scan import Numbers, is_plain
from detectors.sigma.tree import All, AnyOf, Cidr, Exists, FieldRef, Node, Not, Null, Regex, Text
from detectors.sigma.values import is_null, texts_of

_KEPT = 2_000
_LONGEST_KEPT = 2_000
Holds: TypeAlias = Callable[[Atoms], bool]
_Residual: TypeAlias = Null | Exists | FieldRef
"""Asked of the event itself, which costs less than looking through a new value."""
_Group: TypeAlias = tuple[str | None, Numbers]


def compile_tree(node: Node, scanners: FieldScanners) -> Holds:
    """Does the tree hold? Equal tests are asked of their field's atoms, the few others of the event itself."""
    if isinstance(node, Not):
        inner = compile_tree(node.item, scanners)
        return lambda atoms: not inner(atoms)
    if isinstance(node, All):
        plain = tuple(item for item in node.items if not isinstance(item, _Residual))
        return _every(
            [compile_tree(item, scanners) for item in node.items if isinstance(item, _Residual)],
            *_parted(plain, scanners),
        )
    if isinstance(node, AnyOf):
        late, items = _joined(node.items)
        groups, others = _parted(items, scanners)
        return _some(groups, others + late)
    if isinstance(node, Null):
        return lambda atoms: is_null(atoms.value(node.field))
    if isinstance(node, Exists):
        return lambda atoms: atoms.has(node.field)
    if isinstance(node, FieldRef):
        return _fieldref(node)
    if not isinstance(node, Text) or not is_plain(node):
        return _late(node.field, check_of(node))
    number, field = scanners.number(node), node.field
    return lambda atoms: number in atoms[field]


def _late(field: str | None, check: Check) -> Holds:
    kept: Bounded[str, bool] = Bounded(_KEPT)

    def holds(atoms: Atoms) -> bool:
        for text in atoms.texts(field):
            found = kept.find(text)
            if found is None:
                found = check(text)
                if len(text) <= _LONGEST_KEPT:
                    kept.keep(text, found)
            if found:
                return True
        return False

    return holds


def _parted(items: tuple[Node, ...], scanners: FieldScanners) -> tuple[list[_Group], list[Holds]]:
    """The plain tests in groups of one field, the field with the fewest tests first, and what is no plain test."""
    by_field: dict[str | None, set[int]] = {}
    others: list[Holds] = []
    for item in items:
        if isinstance(item, Text) and is_plain(item):
            by_field.setdefault(item.field, set()).add(scanners.number(item))
        else:
            others.append(compile_tree(item, scanners))
    groups = [(field, frozenset(numbers)) for field, numbers in by_field.items()]
    return sorted(groups, key=lambda group: scanners.tests(group[0])), others


def _joined(items: tuple[Node, ...]) -> tuple[list[Holds], tuple[Node, ...]]:
    """The expressions of one field as one test, and its networks as one; and the other items."""
    regexes: dict[str | None, list[str]] = {}
    networks: dict[str, list[str]] = {}
    for item in items:
        if isinstance(item, Regex):
            regexes.setdefault(item.field, []).append(item.pattern)
        elif isinstance(item, Cidr):
            networks.setdefault(item.field, []).append(item.network)
    late = [_late(field, found_by(patterns)) for field, patterns in regexes.items()]
    late += [_late(field, inside(named)) for field, named in networks.items()]
    return late, tuple(item for item in items if not isinstance(item, Regex | Cidr))


def _every(first: list[Holds], groups: list[_Group], others: list[Holds]) -> Holds:
    def every(atoms: Atoms) -> bool:
        for holds in first:
            if not holds(atoms):
                return False
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
        one, other = atoms.value(test.field), atoms.value(test.other)
        if type(one) is str and type(other) is str:
            return fits(one.casefold(), other.casefold())
        others = [text.casefold() for text in texts_of(other)]
        return any(fits(text.casefold(), folded) for text in texts_of(one) for folded in others)

    return holds
