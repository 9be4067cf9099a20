"""The program of one event class: the rules that may see it, what narrows them down, and what decides them.

What the class already knows (EventID, Channel) is folded into constants, so rules that can then never fire are gone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import NamedTuple

import orjson

from detectors.sigma.asked import Asked
from detectors.sigma.bits import places
from detectors.sigma.columns import Columns
from detectors.sigma.compile import Holds, compile_tree
from detectors.sigma.conditions import fold
from detectors.sigma.fields import Atoms, FieldScanners
from detectors.sigma.lines import Lines
from detectors.sigma.route import EventClass, completer, names_of, tag_field
from detectors.sigma.rows import Row, RowReader
from detectors.sigma.rule import Rule
from detectors.sigma.tree import FALSE, Node
from detectors.sigma.values import fields_of
from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource


class Candidate(NamedTuple):
    """A line by its number, the program of its class, and the rules (bits) that may hold; of which some surely do."""

    number: int
    program: "Program"
    rules: int
    sure: int = 0


class Program:
    """`candidates` among lines, then `decide` for each decoded event. Not thread-safe."""

    def __init__(self, logsource: LogSource, event_class: EventClass, rules: Iterable[Rule], reader: RowReader) -> None:
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
        self._spaced = event_class.spaces_names
        self._complete = completer(logsource, event_class)
        self._reader = reader
        self.every = (1 << len(self.rules)) - 1
        """All rules, as bits."""
        self._scanners = FieldScanners(self._trees)
        self._holds: dict[int, Holds] = {}
        self._threw = 0
        """Rules (bits) that could not be judged by a row."""

    @cached_property
    def _asked(self) -> Asked:
        return Asked(self._trees, names_of(self._logsource, self._class), tag_field(self._logsource))

    @cached_property
    def names(self) -> Sequence[str]:
        """What a row of the class is to have."""
        return self._asked.row_names(self._asked.names)

    @cached_property
    def _columns(self) -> Columns:
        return Columns(self._trees, self._asked, self._reader, self.see, self._complete, self._judge)

    @property
    def keywords(self) -> Mapping[bytes, int]:
        """What the rules look for in the bytes of a line, and the bits of the clauses that it meets."""
        return self._columns.clauses.raw

    @property
    def field_scans(self) -> int:
        """Values looked through so far, those remembered not counted."""
        return self._scanners.scans + (self._columns.scans if "_columns" in vars(self) else 0)

    @property
    def caches_emptied(self) -> int:
        """How often a memory was full."""
        return self._columns.emptied if "_columns" in vars(self) else 0

    def candidates(
        self,
        lines: Lines,
        numbers: Sequence[int],
        rows: list[Row],
        unread: AbstractSet[int],
        raw: Mapping[int, Iterable[bytes]],
    ) -> Iterator[Candidate]:
        """Those of these lines for which a rule may hold.

        `rows` are theirs; `unread` are numbers of lines that have none, `raw` are keywords by number of the line.
        """
        met: dict[int, int] = {}
        if raw:
            met = {place: self._met(raw[number]) for place, number in enumerate(numbers) if number in raw}
        possible = self._columns.possible(rows, self._odd(lines, numbers, unread), met)
        sure = self._columns.tellable & ~self._threw
        told = zip(numbers, possible, strict=True)
        return (Candidate(number, self, bits, bits & sure) for number, bits in told if bits)

    def _odd(self, lines: Lines, numbers: Sequence[int], unread: AbstractSet[int]) -> Mapping[int, Event]:
        """Events, by place, of which rows do not tell all: their fields may have other names."""
        odd = unread
        if self._asked.inner:
            odd |= lines.nested
        if self._spaced:
            odd |= lines.spaced(numbers)
        if not odd:
            return {}
        return {place: orjson.loads(lines.line(number)) for place, number in enumerate(numbers) if number in odd}

    def _met(self, literals: Iterable[bytes]) -> int:
        met = 0
        for literal in literals:
            met |= self.keywords.get(literal, 0)
        return met

    def see(self, event: Event) -> Event:
        """The event as rules see it."""
        return fields_of(self._complete(event), spaced=self._spaced)

    def _judge(self, bits: int, seen: Event) -> int:
        atoms = Atoms(self._scanners, seen, seen)
        held = 0
        for number in places(bits):
            if self._may_hold(number, atoms):
                held |= 1 << number
        return held

    def _may_hold(self, number: int, atoms: Atoms) -> bool:
        try:
            return self._holds_of(number)(atoms)
        except Exception:  # `decide` meets the fault again and sets the rule aside for it
            self._threw |= 1 << number
            return True

    def decide(self, candidate: Candidate, event: Event, whole: Event, quarantined: dict[str, str]) -> list[Rule]:
        """The rules that hold for the decoded event, in their order; in `whole`, as it came, keywords are looked for.

        Rules in `quarantined` are not asked; one that throws goes there, with what it threw.
        """
        _, _, rules, sure = candidate
        atoms = None if rules == sure else Atoms(self._scanners, self.see(event), whole)
        held: list[Rule] = []
        for number in places(rules):
            rule = self.rules[number]
            if rule.id not in quarantined:
                try:
                    if atoms is None or sure >> number & 1 or self._holds_of(number)(atoms):
                        held.append(rule)
                except Exception as error:  # one rule's fault must not stop the stream
                    quarantined[rule.id] = f"{type(error).__name__}: {error}"
        return held

    def _holds_of(self, number: int) -> Holds:
        holds = self._holds.get(number)
        if holds is None:
            holds = self._holds[number] = compile_tree(self._trees[number], self._scanners)
        return holds
