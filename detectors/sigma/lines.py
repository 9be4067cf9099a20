"""The lines of an NDJSON block, found in one scan, and the value of a field in one without decoding it.

Exact for canonical JSON: `,"Channel":` stands in no string (its quotes would be escaped), so it is a key; and it is a
key of the event itself where no object lies in the event (`nested`).
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from pyperscan import BlockDatabase, Pattern, Scan

from detectors.sigma.literals import escaped, folding_characters

_NEWLINE, _NESTED, _FOLDING, _FIRST_KEY = range(4)
_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+"').match
_NESTED_PATTERN = rb"[:\[,]\{"
_QUOTE, _BACKSLASH, _OPEN = b'"\\['


class Lines(NamedTuple):
    """Offsets into a block: where lines start and stop, and where the values of each key start.

    `nested` and `folding` are numbers of lines: those in which an object may lie, those with a character that folds to
    ASCII.
    """

    starts: list[int]
    stops: list[int]
    nested: frozenset[int]
    folding: frozenset[int]
    values: list[list[int]]


class LineScanner:
    """Finds lines and the values of a few keys (`key_of`). Not thread-safe."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._found: list[list[int]] = [[] for _ in range(_FIRST_KEY + len(keys))]
        self._scanner = _database(tuple(keys)).build(self._found, _note)

    def scan(self, block: bytes) -> Lines:
        """The lines of a block; one that ends without a newline is a line too, an empty one is none."""
        found = self._found
        for offsets in found:
            offsets.clear()
        self._scanner.scan(block)
        ends = found[_NEWLINE]
        if not block.endswith(b"\n"):
            ends.append(len(block) + 1)
        starts, stops = [0, *ends[:-1]], [end - 1 for end in ends]
        if any(map(int.__eq__, starts, stops)):
            kept = [pair for pair in zip(starts, stops, strict=True) if pair[0] < pair[1]]
            starts, stops = [start for start, _ in kept], [stop for _, stop in kept]
        nested, folding = (frozenset(bisect_left(stops, end) for end in found[kind]) for kind in (_NESTED, _FOLDING))
        return Lines(starts, stops, nested, folding, found[_FIRST_KEY:])


@lru_cache(100)
def _database(keys: tuple[bytes, ...]) -> Any:
    patterns = [rb"\n", _NESTED_PATTERN, b"|".join(escaped(char.encode()) for char in folding_characters())]
    patterns += [b"[{,]" + escaped(key) for key in keys]
    return BlockDatabase(*(Pattern(pattern, tag=tag) for tag, pattern in enumerate(patterns)))


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
        if line[stop - 1] != _BACKSLASH:
            return line[start : stop + 1]
        text = _TEXT(line, start)
        return text[0] if text else None
    if first == _OPEN:
        return None
    stop = line.find(b",", start)
    return line[start:stop] if stop >= 0 else line[start:].rstrip(b"}\r\n")


def _note(found: list[list[int]], tag: Any, _start: int, end: int) -> Scan:
    found[tag].append(end)
    return Scan.Continue
