"""The atoms of one event, field by field, worked out when a rule first asks for the field."""

from collections.abc import Iterable, Iterator
from typing import Any

from detectors.sigma.scan import NONE, Numbers, Scanner, is_plain
from detectors.sigma.tree import FieldRef, Node, Test, Text, leaves
from detectors.sigma.values import all_texts, texts_of
from jikimi.domain.event import Event


def fields_asked(test: Test) -> Iterator[str]:
    """The fields of a test; none of a keyword."""
    if test.field is not None:
        yield test.field
    if isinstance(test, FieldRef):
        yield test.other


class FieldScanners:
    """One scanner a field, built when the field is first asked for; equal tests of many rules are one atom."""

    def __init__(self, trees: Iterable[Node]) -> None:
        self._trees = tuple(trees)
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
                    if isinstance(test, Text) and is_plain(test):
                        numbers = self._numbers.setdefault(test.field, {})
                        numbers.setdefault(test, len(numbers))
        return self._numbers[field]


class Atoms(dict[str | None, Numbers]):
    """Field → the atoms that hold for its value in one event, worked out when asked for; under None of keywords.

    `event` is as rules see it, `whole` as it came (keywords are searched for there).
    """

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
        """The texts of the field's value; under None every text of the event."""
        return all_texts(self._whole) if field is None else texts_of(self._event.get(field))

    def value(self, field: str) -> Any:
        """The field's value, None when the event has none."""
        return self._event.get(field)

    def has(self, field: str) -> bool:
        """Does the event have the field?"""
        return field in self._event


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
