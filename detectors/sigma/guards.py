"""Rules that no rare literal tells apart may still be told by a field's value (`LogonType: 9`, `not Image: *.exe`).

The value is cut out of the line, and which of the rules it leaves possible is kept by its bytes.
"""

from collections.abc import Iterator, Mapping

import orjson

from detectors.sigma.bits import places
from detectors.sigma.bounded import Bounded
from detectors.sigma.compile import Holds, compile_tree
from detectors.sigma.fields import EventAtoms, FieldScanners
from detectors.sigma.lines import key_of, value_in
from detectors.sigma.tree import All, AnyOf, FieldRef, Node, Not, all_of, leaves, negate

_KEPT = 20_000


class Guards:
    """Of some rules of a class, each by its number."""

    def __init__(self, trees: Mapping[int, Node], opaque: frozenset[str]) -> None:
        parts: dict[str, dict[int, Node]] = {}
        for number, tree in trees.items():
            for field, part in _parts(tree).items():
                if field not in opaque:
                    parts.setdefault(field, {})[number] = part
        every = sum(1 << number for number in trees)
        scanners = FieldScanners((part for by_rule in parts.values() for part in by_rule.values()), opaque)
        self._every = every
        self._guards = [_Guard(field, by_rule, every, scanners) for field, by_rule in parts.items()]
        self._guards.sort(key=lambda guard: guard.tests)
        self._numbers: Bounded[int, tuple[int, ...]] = Bounded(_KEPT)
        self.every = tuple(trees)

    def possible(self, line: bytes) -> tuple[int, ...]:
        """Numbers of the rules that the values leave possible. For lines of canonical JSON without objects inside."""
        left = self._every
        for guard in self._guards:
            if left & guard.concerned:
                left &= guard.possible(line)
        if not left:
            return ()
        numbers = self._numbers.get(left)
        if numbers is None:
            numbers = tuple(places(left))
            self._numbers.keep(left, numbers)
        return numbers


class _Guard:
    """The part of the rules that looks at one field and at nothing else."""

    def __init__(self, field: str, parts: Mapping[int, Node], every: int, scanners: FieldScanners) -> None:
        self.concerned = sum(1 << number for number in parts)
        self.tests = sum(len(leaves(part)) for part in parts.values())
        self._field = field
        self._key = key_of(field)
        self._parts = parts
        self._every = every
        self._scanners = scanners
        self._holds: dict[int, Holds] = {}
        self._kept: Bounded[bytes, int] = Bounded(_KEPT)

    def possible(self, line: bytes) -> int:
        """The rules as bits; all of them when the value cannot be told, also for a field that may have another name."""
        raw = value_in(line, self._key)
        if not raw:
            return self._every
        known = self._kept.get(raw)
        if known is None:
            known = self._decide(orjson.loads(raw))
            self._kept.keep(raw, known)
        return known

    def _decide(self, value: object) -> int:
        if not self._holds:
            self._holds = {number: compile_tree(part, self._scanners) for number, part in self._parts.items()}
        event = {self._field: value}
        atoms = EventAtoms(self._scanners, event, event)
        left = self._every
        for number, holds in self._holds.items():
            if not _may_hold(holds, atoms):
                left &= ~(1 << number)
        return left


def _may_hold(holds: Holds, atoms: EventAtoms) -> bool:
    try:
        return holds(atoms)
    except Exception:  # the decoded event will show it again, and the rule is set aside there
        return True


def _parts(tree: Node) -> dict[str, Node]:
    """Field → all that the tree demands of it alone."""
    parts: dict[str, list[Node]] = {}
    for item in _demands(tree):
        tests = leaves(item)
        fields = {test.field for test in tests}
        if len(fields) == 1 and not any(isinstance(test, FieldRef) for test in tests) and (field := fields.pop()):
            parts.setdefault(field, []).append(item)
    return {field: all_of(tuple(items)) for field, items in parts.items()}


def _demands(tree: Node) -> Iterator[Node]:
    """What must hold, one by one: the items of an `All`, and of `not one of these` each."""
    if isinstance(tree, All):
        for item in tree.items:
            yield from _demands(item)
    elif isinstance(tree, Not) and isinstance(tree.item, AnyOf):
        for item in tree.item.items:
            yield from _demands(negate(item))
    else:
        yield tree
