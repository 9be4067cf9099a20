"""The program of one event class: the rules that may see it, what narrows them down, and what decides them.

What the class already knows (EventID, Channel) is folded into constants, so rules that can then never fire are gone.
"""

from collections.abc import Iterable, Mapping, Sequence

from detectors.sigma.compile import Holds, compile_tree
from detectors.sigma.conditions import fold
from detectors.sigma.fields import EventAtoms, FieldScanners, LineAtoms, Names, fields_asked
from detectors.sigma.frequency import Frequencies
from detectors.sigma.lines import Part
from detectors.sigma.prefilter import Prefilter
from detectors.sigma.recall import Recall
from detectors.sigma.route import EventClass, names_of, opaque_fields
from detectors.sigma.rule import Rule
from detectors.sigma.tree import FALSE, Node, leaves
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import LogSource

_REVIEWED_EVERY = 3_000
"""Lines of a class after which it is asked whether all the fields that its memory goes by are worth it."""


class Program:
    """`candidates` among lines, then `decide` for each decoded event. Not thread-safe."""

    def __init__(self, logsource: LogSource, event_class: EventClass, rules: Iterable[Rule]) -> None:
        known = dict(event_class.known)
        self.rules: list[Rule] = []
        self._trees: list[Node] = []
        for rule in rules:
            tree = fold(rule.condition, known) if event_class.serves(rule) else FALSE
            if tree != FALSE:
                self.rules.append(rule)
                self._trees.append(tree)
        self.every: Sequence[int] = range(len(self.rules))
        self._opaque = opaque_fields(event_class)
        names = names_of(logsource, event_class)
        self._scanners = FieldScanners(self._trees, self._opaque, names)
        self._holds: dict[int, Holds] = {}
        self._frequencies = Frequencies()
        self._lines = 0
        self._names = names
        self._stands_in: list[frozenset[str] | None] = []
        self._recall: Recall | None = None
        self._recalled: Prefilter | None = None
        self._others: Prefilter | None = None

    @property
    def field_scans(self) -> int:
        """Values looked through so far, those remembered not counted."""
        return self._scanners.scans

    def candidates(self, part: Part) -> dict[int, tuple[int, ...]]:
        """Line → numbers of the rules that may hold."""
        if not self._stands_in:
            self._stands_in = [_stands_in(tree, self._names) for tree in self._trees]
            self._remember({name for stands_in in self._stands_in for name in stands_in or ()})
        found = self._narrowed(self._others, part) if self._others else {}
        if self._recall is not None and self._recalled is not None:
            for line, numbers in self._told(self._recall, self._recalled, part):
                found[line] = (*found[line], *numbers) if line in found else numbers
            self._review(self._recall, len(part.starts))
        return found

    def _remember(self, names: set[str]) -> None:
        """Parts the rules: those that these names in a line tell are told by memory, the others by their literals."""
        recalled: dict[int, Node] = {}
        others: dict[int, Node] = {}
        for number, stands_in in enumerate(self._stands_in):
            told = stands_in is not None and stands_in <= names
            (recalled if told else others)[number] = self._trees[number]
        self._recall = Recall(sorted({name for number in recalled for name in self._stands_in[number] or ()}))
        self._recalled = Prefilter(recalled, self._opaque, self._frequencies) if recalled else None
        self._others = Prefilter(others, self._opaque, self._frequencies) if others else None

    def _review(self, recall: Recall, lines: int) -> None:
        self._lines += lines
        if self._lines >= _REVIEWED_EVERY:
            self._lines = 0
            worth = recall.worth_keeping()
            if worth != recall.names:
                self._remember(set(worth))

    def _told(self, recall: Recall, prefilter: Prefilter, part: Part) -> list[tuple[int, tuple[int, ...]]]:
        keys = recall.keys(part)
        known = recall.known(keys)
        told = [(line, numbers) for line, numbers in enumerate(known) if numbers]
        if None in known:
            new = [line for line, numbers in enumerate(known) if numbers is None]
            found = self._narrowed(prefilter, part.pick(new))
            for place, line in enumerate(new):
                numbers = found.get(place, ())
                recall.keep(keys[line], numbers)
                if numbers:
                    told.append((line, numbers))
        return told

    def _narrowed(self, prefilter: Prefilter, part: Part) -> dict[int, tuple[int, ...]]:
        found = prefilter.scan(part)
        return {
            line: left
            for line, numbers in found.items()
            if (left := numbers if line in part.nested else self._possible(numbers, part, line))
        }

    def _possible(self, numbers: Iterable[int], part: Part, line: int) -> tuple[int, ...]:
        """The rules that hold by the bytes of the line, and those of which bytes cannot tell."""
        atoms = LineAtoms(self._scanners, part.line(line), line in part.spaced)
        return tuple(number for number in numbers if self._may_hold(number, atoms))

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


def _stands_in(tree: Node, names: Mapping[str, Names]) -> frozenset[str] | None:
    """Under which names in a line stands all that the tree asks for; None when that cannot be said."""
    found: set[str] = set()
    for test in leaves(tree):
        if test.field is None:
            return None
        for field in fields_asked(test):
            others = names.get(field, ())
            if others is None or field == TIMESTAMP:
                return None
            found.update((field, *others))
    return frozenset(found)
