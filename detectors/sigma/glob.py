"""Matching a pattern of literals and wildcards, in time linear in the text for any number of `*`."""

import re
from collections.abc import Callable

from detectors.sigma.tree import ANY, ONE, Pattern

Matcher = Callable[[str], bool]
_Find = Callable[[str, int], tuple[int, int]]
"""`(text, from)` → start and end of the leftmost occurrence, or (-1, -1)."""


def glob(pattern: Pattern) -> Matcher:
    """Does a whole text fit? Takes the pattern literally: fold case on both sides first where it does not count.

    Segments between stars are found leftmost first, which is never wrong; the last one is tried at the end.
    """
    segments = _segments(pattern)
    if len(segments) == 1:
        whole = re.compile(_source(segments[0]), re.DOTALL)
        return lambda text: whole.fullmatch(text) is not None
    head, *middle, tail = segments
    starts = re.compile(_source(head), re.DOTALL).match
    finders = tuple(_finder(segment) for segment in middle)
    ends = re.compile(_source(tail), re.DOTALL).fullmatch
    head_length, tail_length = _length(head), _length(tail)

    def matches(text: str) -> bool:
        last = len(text) - tail_length
        if last < head_length or starts(text) is None or ends(text, last) is None:
            return False
        at = head_length
        for find in finders:
            start, at = find(text, at)
            if start < 0 or at > last:
                return False
        return True

    return matches


def literal_of(pattern: Pattern) -> str:
    """The pattern's longest literal part: every text that fits contains it."""
    return max((part for part in pattern if isinstance(part, str)), key=len, default="")


def _segments(pattern: Pattern) -> list[Pattern]:
    segments: list[list[str | int]] = [[]]
    for part in pattern:
        if part == ANY:
            segments.append([])
        else:
            segments[-1].append(part)
    return [tuple(segment) for segment in segments]


def _finder(segment: Pattern) -> _Find:
    if len(segment) == 1 and isinstance(segment[0], str):
        literal = segment[0]

        def find(text: str, start: int) -> tuple[int, int]:
            at = text.find(literal, start)
            return at, at + len(literal)

        return find
    search = re.compile(_source(segment), re.DOTALL).search

    def find_pattern(text: str, start: int) -> tuple[int, int]:
        found = search(text, start)
        return found.span() if found else (-1, -1)

    return find_pattern


def _source(segment: Pattern) -> str:
    return "".join("." if part == ONE else re.escape(str(part)) for part in segment)


def _length(segment: Pattern) -> int:
    return sum(len(part) if isinstance(part, str) else 1 for part in segment)
