"""The lines of an NDJSON block of canonical JSON, found in one scan, and what in them needs another look."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any

from pyperscan import BlockDatabase, Pattern, Scan

from detectors.sigma.literals import escaped, folding_characters

_NEWLINE, _NESTED, _FOLDING = range(3)
_NESTED_PATTERN = rb"[:\[,]\{"
_SPACED_PATTERN = rb'[{,]"[^" ]* '
"""`,"` stands in a string only at its end, so what follows is a name or an item of a list."""


class Lines:
    """Offsets into a block: where its lines start and stop."""

    def __init__(
        self, block: bytes, starts: list[int], stops: list[int], nested: Sequence[int], folding: Sequence[int]
    ) -> None:
        self.block = block
        self._starts = starts
        self._stops = stops
        self.nested: AbstractSet[int] = frozenset(map(self.number_of, nested))
        """Numbers of the lines with an object in them."""
        self.folding: AbstractSet[int] = frozenset(map(self.number_of, folding))
        """Numbers of the lines with a character that folds to ASCII."""

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[bytes]:
        return map(self.line, range(len(self)))

    def number_of(self, end: int) -> int:
        """The line in which a place of the block lies."""
        return bisect_left(self._stops, end)

    def line(self, number: int) -> bytes:
        """One line, without its newline."""
        return self.block[self._starts[number] : self._stops[number]]


class LineScanner:
    """Finds the lines of a block. Not thread-safe."""

    def __init__(self) -> None:
        self._found: tuple[list[int], ...] = ([], [], [])
        self._scanner = _lines_database().build(self._found, _note)

    def scan(self, block: bytes) -> Lines:
        """The lines of a block; one that ends without a newline is a line too, an empty one is none."""
        for offsets in self._found:
            offsets.clear()
        self._scanner.scan(block)
        ends, nested, folding = self._found
        if not block.endswith(b"\n"):
            ends.append(len(block) + 1)
        starts, stops = [0, *ends[:-1]], [end - 1 for end in ends]
        if any(map(int.__eq__, starts, stops)):
            kept = [pair for pair in zip(starts, stops, strict=True) if pair[0] < pair[1]]
            starts, stops = [start for start, _ in kept], [stop for _, stop in kept]
        return Lines(block, starts, stops, nested, folding)


class SpacedNames:
    """Finds the lines in which a name may have a space. Not thread-safe."""

    def __init__(self) -> None:
        self._found: tuple[list[int], ...] = ([],)
        self._scanner = _spaced_database().build(self._found, _note)

    def scan(self, lines: Lines, numbers: Sequence[int]) -> set[int]:
        """Those of these lines."""
        if len(numbers) == len(lines):
            return set(map(lines.number_of, self._ends(lines.block)))
        return {number for number in numbers if self._ends(lines.line(number))}

    def _ends(self, text: bytes) -> list[int]:
        (ends,) = self._found
        ends.clear()
        self._scanner.scan(text)
        return ends


@cache
def _lines_database() -> Any:
    folding = b"|".join(escaped(char.encode()) for char in folding_characters())
    return BlockDatabase(
        Pattern(rb"\n", tag=_NEWLINE), Pattern(_NESTED_PATTERN, tag=_NESTED), Pattern(folding, tag=_FOLDING)
    )


@cache
def _spaced_database() -> Any:
    return BlockDatabase(Pattern(_SPACED_PATTERN, tag=0))


def _note(found: tuple[list[int], ...], tag: Any, _start: int, end: int) -> Scan:
    found[tag].append(end)
    return Scan.Continue
