"""All plain texts that rules look for in one field, at once: value → the numbers of the tests that hold (its *atoms*).

Their literals go into one Aho-Corasick automaton over the case-folded value; the place of a hit settles contains,
startswith and endswith. Whole values are looked up. Values repeat, so results are kept.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import ahocorasick

from detectors.sigma.bounded import Bounded
from detectors.sigma.tree import Pattern, Test, Text
from detectors.sigma.values import texts_of

Numbers: TypeAlias = frozenset[int]
NONE: Numbers = frozenset()

_DIGITS = frozenset("-0123456789")
_KEPT_VALUES = 20_000
_LONGEST_KEPT = 2_000


class Hit:
    """What one literal settles where it is found."""

    __slots__ = ("anywhere", "end", "length", "start")

    def __init__(self, length: int) -> None:
        self.length = length
        self.anywhere: tuple[int, ...] = ()
        self.start: tuple[int, ...] = ()
        self.end: tuple[int, ...] = ()


def is_plain(test: Test) -> bool:
    """Is the test one that a scanner settles: a text as a whole, at an end or anywhere, whatever its case?"""
    return isinstance(test, Text) and not test.cased and shape(test.pattern) is not None


def shape(pattern: Pattern) -> str | None:
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


def settled(found: Iterable[tuple[int, Hit]], length: int, whole: Sequence[int]) -> Numbers:
    """The tests that hold for a value of this length in which these literals end at these places; `whole` besides."""
    hits = set(whole)
    for end, hit in found:
        if hit.anywhere:
            hits.update(hit.anywhere)
        if hit.start and end == hit.length - 1:
            hits.update(hit.start)
        if hit.end and end == length - 1:
            hits.update(hit.end)
    return frozenset(hits) if hits else NONE


def plain_text(test: Text) -> str:
    """The one text of a plain test, folded."""
    return next(part for part in test.pattern if isinstance(part, str)).casefold()


class Scanner:
    """The plain tests of one field (or of keywords), numbered by the caller."""

    def __init__(self, tests: Sequence[tuple[int, Text]]) -> None:
        self._whole: dict[str, list[int]] = {}
        self.literals: dict[str, Hit] = {}
        self._kept: Bounded[str, Numbers] = Bounded(_KEPT_VALUES)
        self.scans = 0
        """Values looked through, those remembered not counted."""
        for number, test in tests:
            self._add(number, test)
        self._longest_whole = max(map(len, self._whole), default=-1)
        self._automaton = _automaton(self.literals)
        self.shortest = 0 if self._whole else min(map(len, self.literals), default=0)
        """An ASCII value shorter than this has no atom."""
        self.reads_numbers = self.shortest == 0 or any(_DIGITS.issuperset(literal) for literal in self.literals)
        """False when no whole number has an atom."""

    def scan(self, value: str) -> Numbers:
        """The tests that hold for this value."""
        found = self._kept.find(value)
        if found is None:
            found = self.look(value)
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

    def look(self, value: str) -> Numbers:
        """The same, without remembering."""
        self.scans += 1
        folded = value.casefold()
        found = self._automaton.iter(folded) if self._automaton is not None else ()
        return settled(found, len(folded), self.whole(value))

    def whole(self, value: str) -> Sequence[int]:
        """The tests of the value as a whole that hold for it."""
        return self._whole.get(value.casefold(), ()) if len(value) <= self._longest_whole else ()

    def _add(self, number: int, test: Text) -> None:
        where, folded = shape(test.pattern), plain_text(test)
        if where == "whole":
            self._whole.setdefault(folded, []).append(number)
        elif where is not None:
            hit = self.literals.setdefault(folded, Hit(len(folded)))
            setattr(hit, where, (*getattr(hit, where), number))


def _automaton(literals: dict[str, Hit]) -> Any:
    if not literals:
        return None
    automaton = ahocorasick.Automaton()
    for literal, hit in literals.items():
        automaton.add_word(literal, hit)
    automaton.make_automaton()
    return automaton
