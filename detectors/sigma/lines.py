"""The lines of an NDJSON block of canonical JSON, found in one scan, and what in them needs another look."""

from bisect import bisect_left
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import cache, cached_property
from itertools import accumulate
from typing import Any

from pyperscan import BlockDatabase, Pattern, Scan

from detectors.sigma.literals import escaped, folding_characters

_NEWLINE, _NESTED, _FOLDING = range(3)
_NESTED_PATTERN = rb"[:\[,]\{"
_SPACED_PATTERN = rb'[{,]"[^" ]* '
"""`,"` stands in a string only at its end, so what follows is a name or an item of a list."""


class Part:
    """Some lines of a block; `nested` are the places, among these lines, of those with an object in them."""

    def __init__(self, block: bytes, starts: Sequence[int], stops: Sequence[int], whole: bool) -> None:
        self._block = block
        self._starts = starts
        self._stops = stops
        self._whole = whole
        self.nested: AbstractSet[int] = frozenset()

    def __len__(self) -> int:
        return len(self._starts)

    @cached_property
    def lines(self) -> list[bytes]:
        """Each without its newline."""
        block = self._block
        return [block[start:stop] for start, stop in zip(self._starts, self._stops, strict=True)]

    @cached_property
    def data(self) -> bytes:
        """The lines, one after the other."""
        return self._block if self._whole else b"\n".join(self.lines)

    @property
    def is_block(self) -> bool:
        """Is `data` all of a block?"""
        return self._whole

    def places_of(self, ends: Sequence[int]) -> list[int]:
        """In which lines these places of `data` lie."""
        stops = self._stops if self._whole else self._ends
        return [bisect_left(stops, end) for end in ends]

    @cached_property
    def _ends(self) -> list[int]:
        return [end - 1 for end in accumulate(len(line) + 1 for line in self.lines)]


class Lines:
    """Offsets into a block: where its lines start and stop."""

    def __init__(
        self, block: bytes, starts: list[int], stops: list[int], nested: Sequence[int], folding: Sequence[int]
    ) -> None:
        self._block = block
        self._starts = starts
        self._stops = stops
        self._nested = frozenset(bisect_left(stops, end) for end in nested)
        self.folding = frozenset(bisect_left(stops, end) for end in folding)
        """Numbers of the lines with a character that folds to ASCII."""

    def __len__(self) -> int:
        return len(self._starts)

    def number_of(self, end: int) -> int:
        """The line in which a place of the block lies."""
        return bisect_left(self._stops, end)

    def line(self, number: int) -> bytes:
        """One line, without its newline."""
        return self._block[self._starts[number] : self._stops[number]]

    def all(self) -> Part:
        """All of them."""
        part = Part(self._block, self._starts, self._stops, whole=True)
        part.nested = self._nested
        return part

    def pick(self, numbers: Sequence[int]) -> Part:
        """Only these lines."""
        starts, stops = self._starts, self._stops
        part = Part(self._block, [starts[n] for n in numbers], [stops[n] for n in numbers], whole=False)
        part.nested = (
            {at for at, number in enumerate(numbers) if number in self._nested} if self._nested else frozenset()
        )
        return part


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

    def scan(self, part: Part) -> set[int]:
        """Their places in the part."""
        (ends,) = self._found
        ends.clear()
        self._scanner.scan(part.data)
        return set(part.places_of(ends))


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
