"""All plain texts that rules look for in one field, at once: value → the numbers of the tests that hold (its *atoms*).

Their literals go into one Aho-Corasick automaton over the case-folded value; the place of a hit settles contains,
startswith and endswith. Whole values are looked up. Values repeat, so results are kept.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import ahocorasick
import orjson

from detectors.sigma.bounded import Bounded
from detectors.sigma.tree import ANY, Pattern, Test, Text
from detectors.sigma.values import texts_of

Numbers: TypeAlias = frozenset[int]
NONE: Numbers = frozenset()

_DIGITS = frozenset("-0123456789")
_KEPT_VALUES = 20_000
_LONGEST_KEPT = 2_000


class _Hit:
    """What one literal settles where it is found."""

    __slots__ = ("anywhere", "end", "length", "start")

    def __init__(self, length: int) -> None:
        self.length = length
        self.anywhere: list[int] = []
        self.start: list[int] = []
        self.end: list[int] = []


def is_plain(test: Test) -> bool:
    """Is the test one that a scanner settles: a text as a whole, at an end or anywhere, whatever its case?"""
    return isinstance(test, Text) and not test.cased and _shape(test.pattern) is not None


def _shape(pattern: Pattern) -> str | None:
    """`whole`, `start`, `end`, `anywhere`; None for a pattern with other wildcards."""
    match pattern:
        case (str(),):
            return "whole"
        case (str(text), 0) if text:
            return "start"
        case (0, str(text)) if text:
            return "end"
        case (0, str(text), 0) if text:
            return "anywhere"
        case _:
            return None


class Scanner:
    """The plain tests of one field (or of keywords), numbered by the caller."""

    def __init__(self, tests: Sequence[tuple[int, Text]]) -> None:
        self._whole: dict[str, list[int]] = {}
        self._literals: dict[str, _Hit] = {}
        self._kept: Bounded[str, Numbers] = Bounded(_KEPT_VALUES)
        self._kept_raw: Bounded[bytes, Numbers] = Bounded(_KEPT_VALUES)
        self.scans = 0
        """Values looked through, those remembered not counted."""
        for number, test in tests:
            self._add(number, test.pattern)
        self._automaton = _automaton(self._literals)
        self.shortest = 0 if self._whole else min(map(len, self._literals), default=0)
        """An ASCII value shorter than this has no atom."""
        self.reads_numbers = self.shortest == 0 or any(_DIGITS.issuperset(literal) for literal in self._literals)
        """False when no whole number has an atom."""

    def scan(self, value: str) -> Numbers:
        """The tests that hold for this value."""
        found = self._kept.get(value)
        if found is None:
            found = self._scan(value)
            if len(value) <= _LONGEST_KEPT:
                self._kept.keep(value, found)
        return found

    def scan_any(self, value: object) -> Numbers:
        """The tests that hold for one of the texts of a field's value."""
        if type(value) is str:
            return self.scan(value)
        found: set[int] = set()
        for text in texts_of(value):
            found |= self.scan(text)
        return frozenset(found) if found else NONE

    def scan_raw(self, raw: bytes) -> Numbers:
        """The same of a value as JSON writes it."""
        found = self._kept_raw.get(raw)
        if found is None:
            found = self.scan_any(orjson.loads(raw))
            if len(raw) <= _LONGEST_KEPT:
                self._kept_raw.keep(raw, found)
        return found

    def _scan(self, value: str) -> Numbers:
        self.scans += 1
        folded = value.casefold()
        hits = set(self._whole.get(folded, ()))
        if self._automaton is not None:
            last = len(folded) - 1
            for end, hit in self._automaton.iter(folded):
                if hit.anywhere:
                    hits.update(hit.anywhere)
                if hit.start and end == hit.length - 1:
                    hits.update(hit.start)
                if hit.end and end == last:
                    hits.update(hit.end)
        return frozenset(hits) if hits else NONE

    def _add(self, number: int, pattern: Pattern) -> None:
        shape = _shape(pattern)
        text = next(part for part in pattern if part != ANY)
        folded = str(text).casefold()
        if shape == "whole":
            self._whole.setdefault(folded, []).append(number)
        elif shape is not None:
            hit = self._literals.setdefault(folded, _Hit(len(folded)))
            places: list[int] = getattr(hit, shape)
            places.append(number)


def _automaton(literals: dict[str, _Hit]) -> Any:
    if not literals:
        return None
    automaton = ahocorasick.Automaton()
    for literal, hit in literals.items():
        automaton.add_word(literal, hit)
    automaton.make_automaton()
    return automaton
