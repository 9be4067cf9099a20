"""The texts a value must contain before a regular expression (RE2 syntax) can match it.

Reads literals, groups and alternatives, and passes over everything else: it may miss a text, never invent one.
"""

from typing import TypeAlias

OneOf: TypeAlias = frozenset[str]
"""A matching value contains one of these."""

_GIVES_UP = frozenset("xpPQEC0123456789")
"""Escapes whose operand would be read as plain characters."""


def necessary_texts(pattern: str) -> tuple[OneOf, ...]:
    """Each of these holds for every value that the pattern matches; as written, case not considered."""
    try:
        return tuple(_Reader(pattern).whole())
    except _Unread:
        return ()


def necessary_literal(pattern: str) -> str:
    """The longest single text that every matching value contains; empty when none is sure."""
    return max((next(iter(texts)) for texts in necessary_texts(pattern) if len(texts) == 1), key=len, default="")


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
        run = ""
        while (char := self._next()) not in ("", "|", ")"):
            needed: list[OneOf] = []
            text = ""
            if char == "(":
                needed = self._group()
            elif char == "[":
                self._class()
            elif char in ".^$":
                self._at += 1
            else:
                text = self._character()
            least = self._least()
            if text and least is None:
                run += text
                continue
            run = _keep(run + (text if least else ""), found)
            if least is None or least:
                found += needed
        _keep(run, found)
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

    def _class(self) -> None:
        pattern, i = self._pattern, self._at + 1
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

    def _character(self) -> str:
        """A literal character; empty for an escape that stands for many."""
        char = self._next()
        self._at += 1
        if char in "*+?{":
            if char == "{":
                return "{"
            raise _Unread
        if char != "\\":
            return char
        char = self._next()
        self._at += 1
        if char == "" or char in _GIVES_UP:
            raise _Unread
        return "" if char.isalnum() else char

    def _least(self) -> int | None:
        """After an item: how often it must stand there at least (0 or 1), None without a quantifier."""
        char = self._next()
        if char not in ("*", "?", "+", "{") or char == "":
            return None
        least = 1 if char == "+" else 0
        if char == "{":
            end = self._pattern.find("}", self._at)
            body = self._pattern[self._at + 1 : end]
            if end < 0 or not body.replace(",", "", 1).isdigit() or body.startswith(","):
                return None
            least = min(1, int(body.partition(",")[0]))
            self._at = end
        self._at += 1
        if self._next() == "?":
            self._at += 1
        return least

    def _next(self) -> str:
        return self._pattern[self._at : self._at + 1]


def _keep(run: str, found: list[OneOf]) -> str:
    if run:
        found.append(frozenset((run,)))
    return ""


def _shortest(texts: OneOf) -> int:
    return min(map(len, texts))
