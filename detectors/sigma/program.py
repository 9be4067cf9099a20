"""The program of one event class: the rules that may see it, what narrows them down, and what decides them.

What the class already knows (EventID, Channel) is folded into constants, so rules that can then never fire are gone.
"""

from collections.abc import Container, Iterable, Iterator, Sequence

from detectors.sigma.compile import Holds, compile_tree
from detectors.sigma.conditions import fold
from detectors.sigma.fields import EventAtoms, FieldScanners, LineAtoms
from detectors.sigma.prefilter import Prefilter
from detectors.sigma.route import EventClass, opaque_fields
from detectors.sigma.rule import Rule
from detectors.sigma.tree import FALSE, Node
from jikimi.domain.event import Event


class Program:
    """`candidates` among lines, then `decide` for each decoded event. Not thread-safe."""

    def __init__(self, event_class: EventClass, rules: Iterable[Rule]) -> None:
        known = dict(event_class.known)
        self.rules: list[Rule] = []
        self._trees: list[Node] = []
        for rule in rules:
            tree = fold(rule.condition, known) if event_class.serves(rule) else FALSE
            if tree != FALSE:
                self.rules.append(rule)
                self._trees.append(tree)
        self.every: Sequence[int] = range(len(self.rules))
        opaque = opaque_fields(event_class)
        self._prefilter = Prefilter(self._trees, opaque)
        self._scanners = FieldScanners(self._trees, opaque)
        self._holds: dict[int, Holds] = {}

    @property
    def field_scans(self) -> int:
        """Values looked through so far, those remembered not counted."""
        return self._scanners.scans

    def candidates(
        self, data: bytes, starts: Sequence[int], stops: Sequence[int], nested: Container[int]
    ) -> Iterator[tuple[int, Iterable[int]]]:
        """Lines, in order, with the numbers of the rules that may hold. `nested`: lines that may hold objects."""
        found = self._prefilter.scan(data, starts, stops, nested)
        for line in sorted(found):
            numbers: Iterable[int] = found[line]
            if line not in nested:
                numbers = self._possible(numbers, data[starts[line] : stops[line]])
            if numbers:
                yield line, numbers

    def _possible(self, numbers: Iterable[int], line: bytes) -> list[int]:
        """The rules that hold by the bytes of the line, and those of which bytes cannot tell."""
        atoms = LineAtoms(self._scanners, line)
        return [number for number in numbers if self._may_hold(number, atoms)]

    def _may_hold(self, number: int, atoms: LineAtoms) -> bool:
        try:
            return self._holds_of(number)(atoms)
        except Exception:  # Undecided; or a fault, which `decide` meets again and sets the rule aside for
            return True

    def decide(self, numbers: Iterable[int], seen: Event, whole: Event, quarantined: dict[str, str]) -> list[Rule]:
        """The rules that hold, in their order; `seen` as rules see the event, `whole` as it came (for keywords).

        Rules in `quarantined` are not asked; one that throws goes there, with what it threw.
        """
        atoms = EventAtoms(self._scanners, seen, whole)
        held: list[Rule] = []
        for number in sorted(numbers):
            rule = self.rules[number]
            if rule.id not in quarantined:
                try:
                    if self._holds_of(number)(atoms):
                        held.append(rule)
                except Exception as error:  # one rule's fault must not stop the stream
                    quarantined[rule.id] = f"{type(error).__name__}: {error}"
        return held

    def _holds_of(self, number: int) -> Holds:
        holds = self._holds.get(number)
        if holds is None:
            holds = self._holds[number] = compile_tree(self._trees[number], self._scanners)
        return holds
