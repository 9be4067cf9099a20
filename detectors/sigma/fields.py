"""The atoms of one event, field by field, worked out when a rule first asks for the field."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import orjson

from detectors.sigma.lines import key_of, value_in
from detectors.sigma.scan import NONE, Numbers, Scanner, is_plain
from detectors.sigma.tree import FieldRef, Node, Test, Text, leaves
from detectors.sigma.values import all_texts, texts_of
from jikimi.domain.event import Event

Names: TypeAlias = tuple[str, ...] | None
"""Under which other names a field may stand in an event, best first; None: not to be told."""
NO_NAMES: Mapping[str, Names] = {}
_NULL = b"null"


def fields_asked(test: Test) -> Iterator[str]:
    """The fields of a test; none of a keyword."""
    if test.field is not None:
        yield test.field
    if isinstance(test, FieldRef):
        yield test.other


class FieldScanners:
    """One scanner a field, built when the field is first asked for; equal tests of many rules are one atom."""

    def __init__(self, trees: Iterable[Node], opaque: frozenset[str], names: Mapping[str, Names] = NO_NAMES) -> None:
        self._trees = tuple(trees)
        self._opaque = opaque
        self._names = names
        self.keys: dict[str | None, bytes] = {}
        """How the name of each field that a line may tell stands in it."""
        self.others: dict[str | None, tuple[bytes, ...] | None] = {}
        """How the other names of the field stand there, None where bytes cannot tell that it has none."""
        self._numbers: dict[str | None, dict[Text, int]] | None = None
        self._built: dict[str | None, Scanner] = {}

    @property
    def scans(self) -> int:
        """Values looked through so far, those remembered not counted."""
        return sum(scanner.scans for scanner in self._built.values())

    def number(self, test: Text) -> int:
        """The atom of a test, unique in its field."""
        return self._of(test.field)[test]

    def tests(self, field: str | None) -> int:
        """How many tests there are of a field."""
        return len(self._of(field))

    def scanner(self, field: str | None) -> Scanner:
        """The scanner of a field that some rule tests."""
        scanner = self._built.get(field)
        if scanner is None:
            scanner = self._built[field] = Scanner([(number, test) for test, number in self._of(field).items()])
        return scanner

    def _of(self, field: str | None) -> dict[Text, int]:
        if self._numbers is None:
            self._numbers = {}
            for tree in self._trees:
                for test in leaves(tree):
                    for asked in fields_asked(test):
                        self._name(asked)
                    if isinstance(test, Text) and is_plain(test):
                        numbers = self._numbers.setdefault(test.field, {})
                        numbers.setdefault(test, len(numbers))
        return self._numbers[field]

    def _name(self, field: str) -> None:
        key = key_of(field)
        if field not in self._opaque and field not in self.keys and b"\\" not in key:
            others = self._names.get(field, ())
            self.keys[field] = key
            self.others[field] = None if others is None else tuple(map(key_of, others))


class Undecided(Exception):
    """The bytes of a line do not tell what a field holds."""


class Atoms(dict[str | None, Numbers]):
    """Field → the atoms that hold for its value in one event, worked out when asked for; under None of keywords."""

    __slots__ = ()

    def texts(self, field: str | None) -> Iterable[str]:
        """The texts of the field's value; under None every text of the event."""
        raise NotImplementedError

    def value(self, field: str) -> Any:
        """The field's value, None when the event has none."""
        raise NotImplementedError

    def has(self, field: str) -> bool:
        """Does the event have the field?"""
        raise NotImplementedError


class EventAtoms(Atoms):
    """Of a decoded event: `event` as rules see it, `whole` as it came (keywords are searched for there)."""

    __slots__ = ("_event", "_scanners", "_whole")

    def __init__(self, scanners: FieldScanners, event: Event, whole: Event) -> None:
        super().__init__()
        self._scanners = scanners
        self._event = event
        self._whole = whole

    def __missing__(self, field: str | None) -> Numbers:
        scanner = self._scanners.scanner(field)
        found = self[field] = (
            _keywords(scanner, self._whole) if field is None else scanner.scan_any(self._event.get(field))
        )
        return found

    def texts(self, field: str | None) -> Iterable[str]:
        return all_texts(self._whole) if field is None else texts_of(self._event.get(field))

    def value(self, field: str) -> Any:
        return self._event.get(field)

    def has(self, field: str) -> bool:
        return field in self._event


class LineAtoms(Atoms):
    """Of a line of canonical JSON, undecoded, without objects inside. Raises Undecided where its bytes cannot tell."""

    __slots__ = ("_line", "_scanners", "_spaced")

    def __init__(self, scanners: FieldScanners, line: bytes, spaced: bool) -> None:
        super().__init__()
        self._scanners = scanners
        self._line = line
        self._spaced = spaced

    def __missing__(self, field: str | None) -> Numbers:
        raw = self._raw(field)
        found = self[field] = self._scanners.scanner(field).scan_raw(raw) if raw else NONE
        return found

    def texts(self, field: str | None) -> Iterable[str]:
        raw = self._raw(field)
        return texts_of(orjson.loads(raw)) if raw else ()

    def value(self, field: str) -> Any:
        raw = self._raw(field)
        return orjson.loads(raw) if raw else None

    def has(self, field: str) -> bool:
        return bool(self._raw(field))

    def _raw(self, field: str | None) -> bytes:
        """The value's bytes, under the field's own name or another one; empty when the event has none."""
        key = self._scanners.keys.get(field)
        raw = value_in(self._line, key) if key else None
        if raw is None:
            raise Undecided
        return raw or self._under_another_name(field)

    def _under_another_name(self, field: str | None) -> bytes:
        others = self._scanners.others[field]
        if others is None:
            raise Undecided
        for key in others:
            raw = value_in(self._line, key)
            if raw is None or raw == _NULL:
                raise Undecided
            if raw:
                return raw
        if self._spaced:  # it may stand there with a space in its name
            raise Undecided
        return b""


def _keywords(scanner: Scanner, whole: Event) -> Numbers:
    found: set[int] = set()
    shortest = scanner.shortest
    for value in whole.values():
        kind = type(value)
        if kind is str:
            if len(value) >= shortest or not value.isascii():
                found |= scanner.scan(value)
        elif kind is not int or scanner.reads_numbers:
            for text in all_texts(value):
                found |= scanner.scan(text)
    return frozenset(found) if found else NONE
