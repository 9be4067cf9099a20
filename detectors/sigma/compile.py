"""The program of one event class: every rule that may see it, as closures over atom numbers.

What the class already knows (EventID, Channel) is folded into constants, so rules that can then never fire are gone.
Each rule that is left waits under a *necessary* set of atoms, at least one of which must hold; only rules whose set was
hit by an event are evaluated. A rule without such a set is evaluated for every event of the class.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from detectors.sigma.conditions import fold
from detectors.sigma.route import EventClass
from detectors.sigma.rule import Rule
from detectors.sigma.scan import Atoms, Scanner
from detectors.sigma.tree import FALSE, All, AnyOf, Exists, FieldRef, Node, Not, Null, Regex, Test, Text, leaves
from detectors.sigma.values import all_texts, is_null, texts_of
from jikimi.domain.event import Event

Holds = Callable[[Atoms | set[int], Event], bool]
_KEPT_DECISIONS = 20_000
_COMMON = frozenset({"Image", "ParentImage", "OriginalFileName", "User", "IntegrityLevel", "SourceImage", "Product"})
_Joint: TypeAlias = All | AnyOf | Not
_Residual: TypeAlias = Null | Exists | FieldRef


class Program:
    """`atoms` of an event, then the numbers of the rules that hold (`decide`)."""

    def __init__(self, event_class: EventClass, rules: Iterable[Rule]) -> None:
        known = dict(event_class.known)
        self._numbers: dict[Test, int] = {}
        self._waiting: dict[int, list[int]] = {}
        self._always: list[int] = []
        self.rules: list[Rule] = []
        self.holds: list[Holds] = []
        self._reads_event: list[bool] = []
        self._failed: set[int] = set()
        self._decided: dict[Atoms, tuple[list[int], list[int]]] = {}
        for rule in rules:
            tree = fold(rule.condition, known) if event_class.serves(rule) else FALSE
            if tree != FALSE:
                self._add(rule, tree)
        self._scanners, self._keywords = self._scan_plan()

    def _add(self, rule: Rule, tree: Node) -> None:
        number = len(self.rules)
        self.rules.append(rule)
        self.holds.append(self._closure(tree))
        self._reads_event.append(any(isinstance(leaf, _Residual) for leaf in leaves(tree)))
        needed = self._necessary(tree)
        if needed is None:
            self._always.append(number)
        for atom in needed[1] if needed else ():
            self._waiting.setdefault(atom, []).append(number)

    def _scan_plan(self) -> tuple[dict[str, Scanner], Scanner | None]:
        by_field: dict[str | None, list[tuple[int, Test]]] = {}
        for test, number in self._numbers.items():
            by_field.setdefault(test.field, []).append((number, test))
        keywords = by_field.pop(None, None)
        scanners = {field: Scanner(tests) for field, tests in by_field.items() if field is not None}
        return scanners, Scanner(keywords) if keywords else None

    def atoms(self, event: Event, whole: Event) -> set[int]:
        """The atoms of an event; `event` as rules see it (values.fields_of), `whole` as it came (for keywords)."""
        hits: set[int] = set()
        scanners = self._scanners
        for name, value in event.items():
            scanner = scanners.get(name)
            if scanner is not None:
                if type(value) is str:
                    if found := scanner.scan(value):
                        hits |= found
                else:
                    for text in texts_of(value):
                        hits |= scanner.scan(text)
        if self._keywords is not None:
            self._search_keywords(self._keywords, whole, hits)
        return hits

    @staticmethod
    def _search_keywords(keywords: Scanner, whole: Event, hits: set[int]) -> None:
        shortest = keywords.shortest
        for value in whole.values():
            kind = type(value)
            if kind is str:
                if (len(value) >= shortest or not value.isascii()) and (found := keywords.scan(value)):
                    hits |= found
            elif kind is not int or keywords.reads_numbers:
                for text in all_texts(value):
                    hits |= keywords.scan(text)

    def candidates(self, hits: set[int]) -> Sequence[int]:
        """Numbers of the rules worth evaluating, in the order of the rules."""
        waiting = self._waiting
        found = set(self._always)
        for atom in hits:
            if atom in waiting:
                found.update(waiting[atom])
        return sorted(found) if len(found) > 1 else list(found)

    def decide(self, hits: set[int], event: Event, failed: Callable[[Rule, Exception], None]) -> list[int]:
        """Numbers of the rules that hold. Events repeat, and rules that look at atoms only are decided once a set."""
        atoms = frozenset(hits)
        known = self._decided.get(atoms)
        if known is None:
            candidates = self.candidates(hits)
            sure = [n for n in candidates if not self._reads_event[n] and self._ask(n, hits, event, failed)]
            known = (sure, [n for n in candidates if self._reads_event[n]])
            if len(self._decided) >= _KEPT_DECISIONS:
                self._decided.clear()
            self._decided[atoms] = known
        sure, unsure = known
        more = [n for n in unsure if self._ask(n, hits, event, failed)]
        return sorted([*sure, *more]) if more else sure

    def _ask(self, number: int, hits: set[int], event: Event, failed: Callable[[Rule, Exception], None]) -> bool:
        if number in self._failed:
            return False
        try:
            return self.holds[number](hits, event)
        except Exception as error:  # one rule's fault must not stop the stream: the caller sets the rule aside
            self._failed.add(number)
            failed(self.rules[number], error)
            return False

    def _number(self, test: Test) -> int:
        return self._numbers.setdefault(test, len(self._numbers))

    def _closure(self, node: Node) -> Holds:
        if isinstance(node, Not):
            inner = self._closure(node.item)
            return lambda hits, event: not inner(hits, event)
        if isinstance(node, All):
            return self._every(node)
        if isinstance(node, AnyOf):
            return self._some(node)
        if isinstance(node, _Residual):
            return _residual(node)
        number = self._number(node)
        return lambda hits, _: number in hits

    def _every(self, node: All) -> Holds:
        atoms, others = self._parted(node.items)
        if not others:
            return lambda hits, _: atoms <= hits

        def every(hits: Atoms | set[int], event: Event) -> bool:
            if not atoms <= hits:
                return False
            for holds in others:  # noqa: SIM110 - a generator costs more than the tests
                if not holds(hits, event):
                    return False
            return True

        return every

    def _some(self, node: AnyOf) -> Holds:
        atoms, others = self._parted(node.items)
        if not others:
            return lambda hits, _: not atoms.isdisjoint(hits)

        def some(hits: Atoms | set[int], event: Event) -> bool:
            if not atoms.isdisjoint(hits):
                return True
            for holds in others:  # noqa: SIM110 - as above
                if holds(hits, event):
                    return True
            return False

        return some

    def _parted(self, items: tuple[Node, ...]) -> tuple[Atoms, tuple[Holds, ...]]:
        atoms = frozenset(self._number(i) for i in items if not isinstance(i, _Joint | _Residual))
        others = tuple(self._closure(i) for i in items if isinstance(i, _Joint | _Residual))
        return atoms, others

    def _necessary(self, node: Node) -> tuple[float, Atoms] | None:
        """The rarest set of atoms of which one must hold, with its guessed frequency; None when there is none."""
        if isinstance(node, All):
            found = [n for n in map(self._necessary, node.items) if n is not None]
            return min(found, key=lambda n: n[0], default=None)
        if isinstance(node, AnyOf):
            parts = [self._necessary(item) for item in node.items]
            sure = [part for part in parts if part is not None]
            if len(sure) < len(parts):
                return None
            return sum(cost for cost, _ in sure), frozenset().union(*(atoms for _, atoms in sure))
        if isinstance(node, Not | _Residual):
            return None
        return _frequency(node), frozenset({self._number(node)})


def _frequency(test: Test) -> float:
    """A guess how often the test holds: long literals are rare, process names are not."""
    if isinstance(test, Text):
        length = sum(len(part) for part in test.pattern if isinstance(part, str))
        return (0.02 if test.field in _COMMON else 0.002) + 0.6**length
    return 0.05 if isinstance(test, Regex) else 0.3


def _residual(test: Null | Exists | FieldRef) -> Holds:
    field = test.field
    if isinstance(test, Null):
        return lambda _, event: is_null(event.get(field))
    if isinstance(test, Exists):
        return lambda _, event: field in event
    return _fieldref(test)


def _fieldref(test: FieldRef) -> Holds:
    compare: dict[str, Callable[[str, str], bool]] = {
        "equals": lambda a, b: a == b,
        "startswith": lambda a, b: a.startswith(b),
        "endswith": lambda a, b: a.endswith(b),
        "contains": lambda a, b: b in a,
    }
    fits = compare[test.how]

    def holds(_hits: Atoms | set[int], event: Event) -> bool:
        others = [text.casefold() for text in texts_of(event.get(test.other))]
        return any(fits(text.casefold(), other) for text in texts_of(event.get(test.field)) for other in others)

    return holds
