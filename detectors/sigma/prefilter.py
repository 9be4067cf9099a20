"""Which lines of a class each rule may hold for, told from their bytes: the raw scan.

Every rule waits under a few clauses of literals (`literals`), all of which must be met. Rules are bits of one number: a
literal that is found sets the bits of the clauses it meets. Rules without a clause worth waiting for have `Guards`.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from pyperscan import BlockDatabase, Flag, Pattern, Scan

from detectors.sigma.bits import places
from detectors.sigma.bounded import Bounded
from detectors.sigma.frequency import Frequencies
from detectors.sigma.guards import Guards
from detectors.sigma.lines import Part
from detectors.sigma.literals import Clause, Literal, Need, cheapest, escaped, need_of
from detectors.sigma.tree import Node

_CLAUSES = 3
"""Of one rule."""
_FREQUENT = 0.3
"""A clause that was seen to be met so often a line costs more than it saves."""
_RARE = 1e-2
"""No further clause for a rule that passes so few lines."""
_PLAN_AT = (300, 3_000, 30_000)
"""Lines of a class after which its literals are chosen anew, by what was counted."""
_KEPT = 20_000


class Prefilter:
    """The clauses of one class's rules, as one Hyperscan database, made for the first line. Not thread-safe."""

    def __init__(self, trees: Mapping[int, Node], opaque: frozenset[str], frequencies: Frequencies) -> None:
        self._trees = trees
        self._opaque = opaque
        self._needs: dict[int, Need] = {}
        self._rules = max(trees, default=-1) + 1
        self._frequencies = frequencies
        self._plans = int(frequencies.counted)
        self._lines = 0
        self._found: Counter[int] = Counter()
        self._hits: list[int] = []
        self._ends: list[int] = []
        self._by_literal: dict[Literal, int] | None = None

    def _choose(self) -> None:
        self._needs = self._needs or {rule: need_of(tree, self._opaque) for rule, tree in self._trees.items()}
        bits: dict[Literal, int] = {}
        unmet = 0
        for rule, need in self._needs.items():
            for slot, clause in enumerate(self._chosen(need)):
                bit = 1 << (slot * self._rules + rule)
                unmet |= bit
                for literal in clause:
                    bits[literal] = bits.get(literal, 0) | bit
        if bits == self._by_literal:
            return
        self._by_literal = bits
        self._met = ((1 << self._rules * _CLAUSES) - 1) & ~unmet
        """Clauses that rules do not have are met from the start."""
        self._literals = list(bits)
        self._bits = list(bits.values())
        self._numbers: Bounded[int, tuple[int, ...]] = Bounded(_KEPT)
        self._waiting = sum(1 << rule for rule in self._trees)
        always = self._candidates(self._met)
        self._waiting &= ~sum(1 << rule for rule in always)
        self._guards = Guards({rule: self._trees[rule] for rule in always}, self._opaque) if always else None
        self._scanner = self._database() if bits else None

    def _chosen(self, need: Need) -> list[Clause]:
        """As many clauses as it takes to make the rule rare; one, while nothing was counted."""
        most, clauses = (_FREQUENT, _CLAUSES) if self._plans else (inf, 1)
        chosen: list[Clause] = []
        passed = 1.0
        for share, clause in cheapest(need, self._frequencies.cost)[:clauses]:
            if passed < _RARE or share > most:
                break
            chosen.append(clause)
            passed *= share
        return chosen

    def _database(self) -> Any:
        patterns = (Pattern(escaped(literal), Flag.CASELESS, tag=tag) for tag, literal in enumerate(self._literals))
        return BlockDatabase(*patterns).build((self._hits, self._ends), _note)

    def scan(self, part: Part) -> dict[int, tuple[int, ...]]:
        """Line → numbers of the rules that may hold."""
        if not self._needs:
            self._choose()
        found: dict[int, tuple[int, ...]] = {}
        if self._scanner is not None:
            self._hits.clear()
            self._ends.clear()
            self._scanner.scan(part.data)
            self._meet(part.stops, found)
        if self._guards is not None:
            self._guard(self._guards, part, found)
        if self._scanner is not None and self._plans < len(_PLAN_AT):
            self._learn(len(part.stops))
        return found

    def _meet(self, stops: Sequence[int], found: dict[int, tuple[int, ...]]) -> None:
        met: dict[int, int] = {}
        bits, before = self._bits, self._met
        for hit, end in zip(self._hits, self._ends, strict=True):
            line = bisect_left(stops, end)
            met[line] = met.get(line, before) | bits[hit]
        for line, state in met.items():
            numbers = self._numbers.get(state)
            if numbers is None:
                numbers = self._candidates(state)
                self._numbers.keep(state, numbers)
            if numbers:
                found[line] = numbers

    def _guard(self, guards: Guards, part: Part, found: dict[int, tuple[int, ...]]) -> None:
        for line in range(len(part.starts)):
            numbers = guards.every if line in part.nested else guards.possible(part.line(line))
            if numbers:
                found[line] = (*found[line], *numbers) if line in found else numbers

    def _candidates(self, met: int) -> tuple[int, ...]:
        """The rules all of whose clauses are met."""
        left = met
        for _ in range(1, _CLAUSES):
            met >>= self._rules
            left &= met
        return tuple(places(left & self._waiting))

    def _learn(self, lines: int) -> None:
        self._lines += lines
        self._found.update(self._hits)
        if self._lines >= _PLAN_AT[self._plans]:
            self._plans += 1
            found = {literal: self._found[hit] for hit, literal in enumerate(self._literals)}
            self._frequencies.note(self._lines, found)
            self._lines = 0
            self._found.clear()
            self._choose()


def _note(found: tuple[list[int], list[int]], tag: Any, _start: int, end: int) -> Scan:
    found[0].append(tag)
    found[1].append(end)
    return Scan.Continue
