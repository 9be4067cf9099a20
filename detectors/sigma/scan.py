"""All tests of one field at once: value → the numbers of the tests that hold (its *atoms*).

Literal parts of every pattern go into one Aho-Corasick automaton over the case-folded value; a hit settles contains,
startswith and endswith by its place, and is the reason to try a wildcard pattern or a regular expression that needs it.
Whole values are looked up. What has no literal is tried on every new value. Values repeat, so results are kept.
"""

from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from typing import Any, TypeAlias

import ahocorasick
import orjson

from detectors.sigma.bounded import Bounded
from detectors.sigma.glob import glob, literal_of
from detectors.sigma.regex import compile_regex, necessary_literal
from detectors.sigma.tree import Cidr, Compare, Part, Pattern, Regex, Test, Text
from detectors.sigma.values import as_number, texts_of, time_part

Check = Callable[[str, str], bool]
"""`(value, folded value)` → does the test hold?"""
Numbers: TypeAlias = frozenset[int]

_DIGITS = frozenset("-0123456789")
_KEPT_VALUES = 20_000
_LONGEST_KEPT = 2_000
NONE: Numbers = frozenset()


class _Hit:
    """What one literal settles where it is found."""

    __slots__ = ("anywhere", "check", "end", "length", "start")

    def __init__(self, length: int) -> None:
        self.length = length
        self.anywhere: list[int] = []
        self.start: list[int] = []
        self.end: list[int] = []
        self.check: list[tuple[int, Check]] = []


class Scanner:
    """The tests of one field (or of keywords), numbered by the caller."""

    def __init__(self, tests: Sequence[tuple[int, Test]]) -> None:
        self._whole: dict[str, list[int]] = {}
        self._literals: dict[str, _Hit] = {}
        self._always: list[tuple[int, Check]] = []
        self._kept: Bounded[str, Numbers] = Bounded(_KEPT_VALUES)
        self._kept_raw: Bounded[bytes, Numbers] = Bounded(_KEPT_VALUES)
        for number, test in tests:
            self._add(number, test)
        self._automaton = _automaton(self._literals)
        self.shortest = 0 if self._always or self._whole else min(map(len, self._literals), default=0)
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
        folded = value.casefold()
        hits = set(self._whole.get(folded, ()))
        for number, check in self._always:
            if check(value, folded):
                hits.add(number)
        if self._automaton is not None:
            self._search(value, folded, hits)
        return frozenset(hits) if hits else NONE

    def _search(self, value: str, folded: str, hits: set[int]) -> None:
        last = len(folded) - 1
        tried: set[int] = set()
        for end, hit in self._automaton.iter(folded):
            if hit.anywhere:
                hits.update(hit.anywhere)
            if hit.start and end == hit.length - 1:
                hits.update(hit.start)
            if hit.end and end == last:
                hits.update(hit.end)
            for number, check in hit.check:
                if number not in tried:
                    tried.add(number)
                    if check(value, folded):
                        hits.add(number)

    def _add(self, number: int, test: Test) -> None:
        if isinstance(test, Text):
            self._add_text(number, test)
        elif isinstance(test, Regex):
            self._need(necessary_literal(test.pattern), number, _searched(test))
        else:
            self._always.append((number, _check_of(test)))

    def _add_text(self, number: int, test: Text) -> None:
        if test.cased:
            fits = glob(test.pattern)
            self._need(literal_of(test.pattern), number, lambda value, _: fits(value))
            return
        parts = tuple(p.casefold() if isinstance(p, str) else p for p in test.pattern)
        pattern: Pattern = tuple(p for p in parts if p != "") or ("",)
        match pattern:
            case (str(text),):
                self._whole.setdefault(text, []).append(number)
            case (0, str(text)):
                self._hit(text).end.append(number)
            case (str(text), 0):
                self._hit(text).start.append(number)
            case (0, str(text), 0):
                self._hit(text).anywhere.append(number)
            case (0,):
                self._always.append((number, _anything))
            case _:
                fits = glob(pattern)
                self._need(literal_of(pattern), number, lambda _, folded: fits(folded))

    def _need(self, literal: str, number: int, check: Check) -> None:
        if literal:
            self._hit(literal.casefold()).check.append((number, check))
        else:
            self._always.append((number, check))

    def _hit(self, literal: str) -> _Hit:
        if literal not in self._literals:
            self._literals[literal] = _Hit(len(literal))
        return self._literals[literal]


def _automaton(literals: dict[str, _Hit]) -> Any:
    if not literals:
        return None
    automaton = ahocorasick.Automaton()
    for literal, hit in literals.items():
        automaton.add_word(literal, hit)
    automaton.make_automaton()
    return automaton


def _searched(test: Regex) -> Check:
    search = compile_regex(test.pattern).search

    def found(value: str, _folded: str) -> bool:
        try:
            return search(value) is not None
        except UnicodeEncodeError:  # half of a surrogate pair, which is no character
            return search(value.encode("utf-8", "replace").decode()) is not None

    return found


def _anything(_value: str, _folded: str) -> bool:
    return True


def _check_of(test: Test) -> Check:
    if isinstance(test, Cidr):
        return _cidr(test)
    if isinstance(test, Part):
        return lambda value, _: time_part(value, test.part) == test.number
    if isinstance(test, Compare):
        return _compare(test)
    raise TypeError(f"{type(test).__name__} is not a test of one value")


def _cidr(test: Cidr) -> Check:
    network = ip_network(test.network)

    def inside(value: str, _folded: str) -> bool:
        try:
            address = ip_address(value.strip())
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return address in network or (mapped is not None and mapped in network)

    return inside


def _compare(test: Compare) -> Check:
    holds: dict[str, Callable[[float], bool]] = {
        "lt": lambda n: n < test.number,
        "lte": lambda n: n <= test.number,
        "gt": lambda n: n > test.number,
        "gte": lambda n: n >= test.number,
    }
    in_order = holds[test.order]
    part = test.part

    def compared(value: str, _folded: str) -> bool:
        number = as_number(value) if part is None else time_part(value, part)
        return number is not None and in_order(number)

    return compared
