"""The lines of an NDJSON block, found in one scan, and the value of a field in one without decoding it.

Exact for canonical JSON: `,"Channel":` stands in no string (its quotes would be escaped), so it is a key; and it is a
key of the event itself where no object lies in the event (`nested`).
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

import orjson
from pyperscan import BlockDatabase, Pattern, Scan

from detectors.sigma.literals import escaped, folding_characters

_NEWLINE, _NESTED, _FOLDING, _SPACED, _FIRST_KEY = range(5)
_NESTED_PATTERN = rb"[:\[,]\{"
_SPACED_PATTERN = rb',"[^" ]* '
"""`,"` stands in a string only at its end, so what follows is a name or an item of a list."""
_SPACED_START = rb'\n\{"[^" ]* '
_SPACED_FIRST = re.compile(rb'\{"[^" ]* ').match
_QUOTE, _BACKSLASH, _OPEN = b'"\\['


class Lines(NamedTuple):
    """Offsets into a block: where lines start and stop, and where the values of each key start.

    The sets are numbers of lines: those in which an object may lie, those with a character that folds to ASCII, those
    in which a name may have a space.
    """

    starts: list[int]
    stops: list[int]
    nested: frozenset[int]
    folding: frozenset[int]
    spaced: frozenset[int]
    values: list[list[int]]


class Part(NamedTuple):
    """Some lines of a block, one after the other in `data`; the sets are numbers of lines, as in `Lines`."""

    data: bytes
    starts: Sequence[int]
    stops: Sequence[int]
    nested: AbstractSet[int]
    spaced: AbstractSet[int]

    def line(self, number: int) -> bytes:
        """One of the lines."""
        return self.data[self.starts[number] : self.stops[number]]

    def pick(self, numbers: Sequence[int]) -> "Part":
        """Only these lines."""
        starts, stops = self.starts, self.stops
        cut = [self.data[starts[number] : stops[number]] for number in numbers]
        ends = list(accumulate(len(line) + 1 for line in cut))
        return Part(
            b"\n".join(cut),
            [0, *ends[:-1]],
            [end - 1 for end in ends],
            _among(numbers, self.nested),
            _among(numbers, self.spaced),
        )


def _among(numbers: Sequence[int], some: AbstractSet[int]) -> AbstractSet[int]:
    return {at for at, number in enumerate(numbers) if number in some} if some else some


class LineScanner:
    """Finds lines and the values of a few keys (`key_of`). Not thread-safe."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._found: list[list[int]] = [[] for _ in range(_FIRST_KEY + len(keys))]
        self._scanners = [database.build(self._found, _note) for database in _databases(tuple(keys))]

    def scan(self, block: bytes) -> Lines:
        """The lines of a block; one that ends without a newline is a line too, an empty one is none."""
        found = self._found
        for offsets in found:
            offsets.clear()
        for scanner in self._scanners:
            scanner.scan(block)
        ends = found[_NEWLINE]
        if not block.endswith(b"\n"):
            ends.append(len(block) + 1)
        starts, stops = [0, *ends[:-1]], [end - 1 for end in ends]
        if any(map(int.__eq__, starts, stops)):
            kept = [pair for pair in zip(starts, stops, strict=True) if pair[0] < pair[1]]
            starts, stops = [start for start, _ in kept], [stop for _, stop in kept]
        if starts and _SPACED_FIRST(block, starts[0]):
            found[_SPACED].append(stops[0])
        nested, folding, spaced = (
            frozenset(bisect_left(stops, end) for end in found[kind]) for kind in (_NESTED, _FOLDING, _SPACED)
        )
        return Lines(starts, stops, nested, folding, spaced, found[_FIRST_KEY:])


@lru_cache(100)
def _databases(keys: tuple[bytes, ...]) -> tuple[Any, Any]:
    """All but one of the patterns start with rare bytes; the last has a database of its own, which is twice as fast."""
    folding = b"|".join(escaped(char.encode()) for char in folding_characters())
    patterns = [
        Pattern(rb"\n", tag=_NEWLINE),
        Pattern(_NESTED_PATTERN, tag=_NESTED),
        Pattern(folding, tag=_FOLDING),
        Pattern(_SPACED_START, tag=_SPACED),
        *(Pattern(b"[{,]" + escaped(key), tag=tag) for tag, key in enumerate(keys, _FIRST_KEY)),
    ]
    return BlockDatabase(*patterns), BlockDatabase(Pattern(_SPACED_PATTERN, tag=_SPACED))


def key_of(field: str) -> bytes:
    """How a field's name stands before its value."""
    return orjson.dumps(field) + b":"


def value_in(line: bytes, key: bytes) -> bytes | None:
    """The scalar under a key, empty when there is no such key; None when bytes cannot tell.

    For canonical lines of events without objects inside: no name stands there twice.
    """
    at = line.find(b"," + key)
    if at < 0:
        if not line.startswith(key, 1):
            return b""
        at = 0
    start = at + 1 + len(key)
    first = line[start]
    if first == _QUOTE:
        stop = line.find(b'"', start + 1)
        while stop >= 0 and line[stop - 1] == _BACKSLASH and _is_escaped(line, stop):
            stop = line.find(b'"', stop + 1)
        return line[start : stop + 1] if stop >= 0 else None
    if first == _OPEN:
        return None
    stop = line.find(b",", start)
    return line[start:stop] if stop >= 0 else line[start:].rstrip(b"}\r\n")


def _is_escaped(line: bytes, at: int) -> bool:
    """Does an odd number of backslashes stand before?"""
    before = at - 1
    while line[before] == _BACKSLASH:
        before -= 1
    return (at - before) % 2 == 0


def _note(found: list[list[int]], tag: Any, _start: int, end: int) -> Scan:
    found[tag].append(end)
    return Scan.Continue
