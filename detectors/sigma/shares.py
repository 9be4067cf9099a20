"""What a literal costs: the share of a class's events that have it, guessed by its length until it was counted."""

from collections.abc import Iterable, Sequence

from detectors.sigma.demands import Literal, Miss, Raw
from detectors.sigma.scan import Scanner
from detectors.sigma.tree import Text
from jikimi.domain.event import Event

_OF_MISSES = 1_000.0
"""A text that is missing tells nothing before it was counted."""
_PER_CHARACTER = 0.75
_RAREST = 1e-4


class Shares:
    """Of one class."""

    def __init__(self) -> None:
        self._counted: dict[Text, float] = {}

    def __call__(self, literal: Literal) -> float:
        if isinstance(literal, Raw):
            return max(_RAREST, _PER_CHARACTER ** len(literal.text))
        counted = self._counted.get(literal.test)
        if isinstance(literal, Miss):
            return _OF_MISSES if counted is None else 1 - counted
        if counted is not None:
            return counted
        length = sum(len(part) for part in literal.test.pattern if isinstance(part, str))
        return max(_RAREST, _PER_CHARACTER**length)

    def count(self, literals: Iterable[Literal], events: Sequence[Event]) -> None:
        """Counts the literals in some events."""
        by_field: dict[str, dict[Text, int]] = {}
        for literal in literals:
            if not isinstance(literal, Raw):
                tests = by_field.setdefault(literal.field, {})
                tests.setdefault(literal.test, len(tests))
        for field, tests in by_field.items():
            scanner = Scanner([(number, test) for test, number in tests.items()])
            hits = [0] * len(tests)
            for event in events:
                for number in scanner.scan_any(event.get(field)):
                    hits[number] += 1
            for test, number in tests.items():
                self._counted[test] = max(_RAREST, hits[number] / len(events))
