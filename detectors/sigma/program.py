"""The program of one event class: the rules that may see it, what narrows them down, and what decides them.

What the class already knows (EventID, Channel) is folded into constants, so rules that can then never fire are gone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property

from detectors.sigma.bits import places
from detectors.sigma.columns import Columns
from detectors.sigma.compile import Holds, compile_tree
from detectors.sigma.conditions import fold
from detectors.sigma.fields import Atoms, FieldScanners, fields_asked
from detectors.sigma.lines import Part, SpacedNames
from detectors.sigma.route import EventClass, complete, names_of
from detectors.sigma.rule import Rule
from detectors.sigma.tree import FALSE, Node, leaves
from detectors.sigma.values import fields_of
from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource


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
        self._logsource = logsource
        self._class = event_class
        self._known: Event = dict(known)
        self.every: Sequence[int] = range(len(self.rules))
        self._scanners = FieldScanners(self._trees)
        self._holds: dict[int, Holds] = {}
        self._spaced_names = SpacedNames() if event_class.spaces_names else None

    @cached_property
    def _columns(self) -> Columns:
        return Columns(self._trees, names_of(self._logsource, self._class), self._see, self._judge)

    @property
    def keywords(self) -> Mapping[bytes, int]:
        """What the rules look for in the bytes of a line, and the bits of the clauses that it meets."""
        return self._columns.clauses.raw

    @cached_property
    def _asks_for_inner(self) -> bool:
        """Does a rule ask for a field of an object inside the event?"""
        return any("." in field for tree in self._trees for test in leaves(tree) for field in fields_asked(test))

    @property
    def field_scans(self) -> int:
        """Values looked through so far, those remembered not counted."""
        return self._scanners.scans + (self._columns.scans if "_columns" in vars(self) else 0)

    @property
    def caches_emptied(self) -> int:
        """How often a memory was full."""
        return self._columns.emptied if "_columns" in vars(self) else 0

    def candidates(self, part: Part, raw: Mapping[int, Iterable[bytes]]) -> Iterator[tuple[int, Sequence[int]]]:
        """Place of a line in the part, and the numbers of the rules that may hold for it; `raw`: keywords by place."""
        odd: AbstractSet[int] = part.nested if self._asks_for_inner else frozenset()
        if self._spaced_names is not None:
            odd |= self._spaced_names.scan(part)
        met = {place: self._met(literals) for place, literals in raw.items()}
        possible = self._columns.possible(part, odd, met)
        return ((place, places(bits)) for place, bits in enumerate(possible) if bits)

    def _met(self, literals: Iterable[bytes]) -> int:
        met = 0
        for literal in literals:
            met |= self.keywords.get(literal, 0)
        return met

    def see(self, event: Event) -> Event:
        """The event as rules see it."""
        return fields_of(complete(self._logsource, event), spaced=self._spaced_names is not None)

    def _see(self, part: Event) -> Event:
        """The same of an event that has some of its fields only."""
        return self.see({**self._known, **part})

    def _judge(self, bits: int, seen: Event) -> int:
        atoms = Atoms(self._scanners, seen, seen)
        return sum(1 << number for number in places(bits) if self._may_hold(number, atoms))

    def _may_hold(self, number: int, atoms: Atoms) -> bool:
        try:
            return self._holds_of(number)(atoms)
        except Exception:  # `decide` meets the fault again and sets the rule aside for it
            return True

    def decide(self, numbers: Iterable[int], seen: Event, whole: Event, quarantined: dict[str, str]) -> list[Rule]:
        """The rules that hold, in their order; `seen` as rules see the event, `whole` as it came (for keywords).

        Rules in `quarantined` are not asked; one that throws goes there, with what it threw.
        """
        atoms = Atoms(self._scanners, seen, whole)
        held: list[Rule] = []
        for number in numbers:
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
