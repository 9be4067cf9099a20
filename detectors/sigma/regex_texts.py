"""The texts a value must contain before a regular expression (RE2 syntax) can match it.

Reads literals, groups and alternatives, and passes over everything else: it may miss a text, never invent one.
"""

from math import inf
from typing import TypeAlias

OneOf: TypeAlias = frozenset[str]
"""A matching value contains one of these."""

_GIVES_UP = frozenset("xpPQEC0123456789")
"""Escapes whose operand would be read as plain characters."""
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_MOST = 8
"""Texts that a sequence with classes of few characters is written out as."""
_LONGEST_REPEAT = 64


def necessary_texts(pattern: str) -> tuple[OneOf, ...]:
    """Each of these holds for every value that the pattern matches; as written, case not considered."""
    try:
        return tuple(_Reader(pattern).whole())
    except _Unread:
        return ()


class _Unread(Exception):
    """Something in the pattern is not understood here."""


class _Reader:
    """One pass over a pattern by recursive descent."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def whole(self) -> list[OneOf]:
        found = self._alternatives()
        if self._at < len(self._pattern):
            raise _Unread
        return found

    def _alternatives(self) -> list[OneOf]:
        """Up to the end or a closing bracket."""
        branches = [self._sequence()]
        while self._next() == "|":
            self._at += 1
            branches.append(self._sequence())
        if len(branches) == 1:
            return branches[0]
        best = [max(branch, key=_shortest, default=None) for branch in branches]
        sure = [texts for texts in best if texts is not None]
        return [frozenset[str]().union(*sure)] if len(sure) == len(best) else []

    def _sequence(self) -> list[OneOf]:
        found: list[OneOf] = []
        runs = [""]
        while (char := self._next()) not in ("", "|", ")"):
            needed: list[OneOf] = []
            choices: list[str] = []
            if char == "(":
                needed = self._group()
            elif char == "[":
                choices = self._class()
            elif char in ".^$":
                self._at += 1
            else:
                choices = self._character()
            least, most = self._times()
            if choices and least and len(runs) * len(choices) ** min(least, _LONGEST_REPEAT) <= _MOST:
                for _ in range(min(least, _LONGEST_REPEAT)):
                    runs = [run + choice for run in runs for choice in choices]
                if least == most and least <= _LONGEST_REPEAT:
                    continue
            runs = _keep(runs, found)
            if least:
                found += needed
        _keep(runs, found)
        return found

    def _group(self) -> list[OneOf]:
        self._at += 1
        if self._next() == "?":
            end = self._pattern.find(":", self._at)
            close = self._pattern.find(")", self._at)
            name = self._pattern.startswith(("?P<", "?<"), self._at)
            if name:
                self._at = self._pattern.find(">", self._at) + 1
            elif close >= 0 and (end < 0 or close < end):  # flags for what follows: (?i)
                self._at = close + 1
                return []
            else:
                self._at = end + 1
        found = self._alternatives()
        if self._next() != ")":
            raise _Unread
        self._at += 1
        return found

    def _class(self) -> list[str]:
        """The characters of a class that names each of them; none for others."""
        pattern, i = self._pattern, self._at + 1
        start = i
        if pattern[i : i + 1] == "^":
            i += 1
        if pattern[i : i + 1] == "]":
            i += 1
        while i < len(pattern) and pattern[i] != "]":
            if pattern[i] == "\\":
                i += 1
            elif pattern.startswith("[:", i):
                i = pattern.find(":]", i) + 1 or len(pattern)
            i += 1
        self._at = i + 1
        named = pattern[start:i]
        return [] if set(named) & set("^-\\[") else list(named)

    def _character(self) -> list[str]:
        """A literal character; none for an escape that stands for many."""
        char = self._next()
        self._at += 1
        if char in "*+?{":
            if char == "{":
                return ["{"]
            raise _Unread
        if char != "\\":
            return [char]
        char = self._next()
        self._at += 1
        if char == "" or char in _GIVES_UP:
            raise _Unread
        if char in _CONTROLS:
            return [_CONTROLS[char]]
        return [] if char.isalnum() else [char]

    def _times(self) -> tuple[int, float]:
        """After an item: how often it stands there at least and at most."""
        char = self._next()
        if char not in ("*", "?", "+", "{") or char == "":
            return 1, 1
        times: tuple[int, float] = {"*": (0, inf), "?": (0, 1), "+": (1, inf)}.get(char, (0, 0))
        if char == "{":
            end = self._pattern.find("}", self._at)
            least, comma, most = self._pattern[self._at + 1 : end].partition(",")
            if end < 0 or not (least.isascii() and least.isdigit()) or not (most + "0").isdigit():
                return 1, 1
            times = int(least), (int(most) if most else inf) if comma else int(least)
            self._at = end
        self._at += 1
        if self._next() == "?":
            self._at += 1
        return times

    def _next(self) -> str:
        return self._pattern[self._at : self._at + 1]


def _keep(runs: list[str], found: list[OneOf]) -> list[str]:
    if runs != [""]:
        found.append(frozenset(runs))
    return [""]


def _shortest(texts: OneOf) -> int:
    return min(map(len, texts))
