"""Which lines of a class each rule may hold for, told from their bytes: the raw scan.

Every rule waits under a clause of literals (`literals`); a rule that has none is a candidate for every line.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pyperscan import BlockDatabase, Flag, Pattern, Scan

from detectors.sigma.frequency import Frequencies
from detectors.sigma.lines import escaped
from detectors.sigma.literals import EXPONENT, EXPONENT_PATTERN, Literal, clause_of
from detectors.sigma.tree import Node

_PLAN_AT = (300, 3_000, 30_000)
"""Lines of a class after which its literals are chosen anew, by what was counted."""


class Prefilter:
    """The clauses of one class's rules, as one Hyperscan database. Not thread-safe."""

    def __init__(self, trees: Sequence[Node], opaque: frozenset[str]) -> None:
        self._trees = trees
        self._opaque = opaque
        self._frequencies = Frequencies()
        self._plans = 0
        self._lines = 0
        self._found: Counter[int] = Counter()
        self._hits: list[int] = []
        self._ends: list[int] = []
        self._choose()

    def _choose(self) -> None:
        waiting: dict[Literal, list[int]] = {}
        always: list[int] = []
        for number, tree in enumerate(self._trees):
            found = clause_of(tree, self._frequencies.cost, self._opaque)
            if found is None:
                always.append(number)
            else:
                for literal in found[1]:
                    waiting.setdefault(literal, []).append(number)
        self._literals = list(waiting)
        self._rules = [frozenset(numbers) for numbers in waiting.values()]
        self._always = frozenset(always)
        self._scanner = self._database() if waiting else None

    def _database(self) -> Any:
        patterns = (
            Pattern(EXPONENT_PATTERN if literal == EXPONENT else escaped(literal), Flag.CASELESS, tag=tag)
            for tag, literal in enumerate(self._literals)
        )
        return BlockDatabase(*patterns).build((self._hits, self._ends), _note)

    def scan(self, data: bytes, stops: Sequence[int]) -> dict[int, frozenset[int]]:
        """Line → the rules that wait under what it contains. `stops` are where the lines of `data` end."""
        always = self._always
        found: dict[int, frozenset[int]] = dict.fromkeys(range(len(stops)), always) if always else {}
        if self._scanner is None:
            return found
        self._hits.clear()
        self._ends.clear()
        self._scanner.scan(data)
        seen = {(bisect_left(stops, end), hit) for hit, end in zip(self._hits, self._ends, strict=True)}
        rules = self._rules
        for line, hit in seen:
            found[line] = found[line] | rules[hit] if line in found else rules[hit]
        if self._plans < len(_PLAN_AT):
            self._learn(len(stops), seen)
        return found

    def _learn(self, lines: int, seen: set[tuple[int, int]]) -> None:
        self._lines += lines
        self._found.update(hit for _, hit in seen)
        if self._lines >= _PLAN_AT[self._plans]:
            self._plans += 1
            self._frequencies.note(
                self._lines, {literal: self._found[hit] for hit, literal in enumerate(self._literals)}
            )
            self._lines = 0
            self._found.clear()
            self._choose()


def _note(found: tuple[list[int], list[int]], tag: Any, _start: int, end: int) -> Scan:
    found[0].append(tag)
    found[1].append(end)
    return Scan.Continue
