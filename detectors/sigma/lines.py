"""The lines of an NDJSON block of canonical JSON, and which of them need another look. Worked out when asked for: of
most blocks only few lines are wanted.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from pyperscan import BlockDatabase, Pattern, Scan

from detectors.sigma.literals import escaped, folding_characters

_NESTED = rb"[:\[,]\{"
_SPACED = rb'[{,]"[^" ]* '
"""`,"` stands in a string only at its end, so what follows is a name or an item of a list."""


class Marks:
    """Finds what in a line needs another look. Not thread-safe."""

    def __init__(self) -> None:
        self.nested = _Finder(_NESTED)
        """An object inside the event."""
        self.spaced = _Finder(_SPACED)
        """Perhaps a name with a space."""
        self.folding = _Finder(b"|".join(escaped(char.encode()) for char in folding_characters()))
        """A character that folds to ASCII."""


class Lines:
    """Those of a block, without their newlines; one that ends without a newline is a line too, an empty one is none."""

    def __init__(self, block: bytes, marks: Marks) -> None:
        self.block = block
        self._marks = marks

    def __len__(self) -> int:
        return len(self._bounds[0])

    def __iter__(self) -> Iterator[bytes]:
        return map(self.line, range(len(self)))

    def line(self, number: int) -> bytes:
        """One line."""
        starts, stops = self._bounds
        return self.block[starts[number] : stops[number]]

    def number_of(self, end: int) -> int:
        """The line in which a place of the block lies."""
        return bisect_left(self._bounds[1], end)

    @cached_property
    def nested(self) -> set[int]:
        """Numbers of the lines with an object in them."""
        return set(map(self.number_of, self._marks.nested.ends(self.block)))

    @cached_property
    def folding(self) -> set[int]:
        """Numbers of the lines with a character that folds to ASCII."""
        return set(map(self.number_of, self._marks.folding.ends(self.block)))

    def spaced(self, numbers: Sequence[int]) -> set[int]:
        """Those of these lines in which a name may have a space."""
        ends = self._marks.spaced.ends
        if len(numbers) == len(self):
            return set(map(self.number_of, ends(self.block)))
        return {number for number in numbers if ends(self.line(number))}

    @cached_property
    def _bounds(self) -> tuple[list[int], list[int]]:
        """Where they start and stop."""
        starts: list[int] = []
        stops: list[int] = []
        find, start, end = self.block.find, 0, len(self.block)
        while start < end:
            stop = find(b"\n", start)
            if stop < 0:
                stop = end
            if start < stop:
                starts.append(start)
                stops.append(stop)
            start = stop + 1
        return starts, stops


class _Finder:
    """Where an expression ends in some bytes."""

    def __init__(self, expression: bytes) -> None:
        self._ends: list[int] = []
        self._scanner: Any = BlockDatabase(Pattern(expression, tag=0)).build(self._ends, _note)

    def ends(self, text: bytes) -> list[int]:
        """To be read before the next call."""
        self._ends.clear()
        self._scanner.scan(text)
        return self._ends


def _note(ends: list[int], _tag: Any, _start: int, end: int) -> Scan:
    ends.append(end)
    return Scan.Continue
