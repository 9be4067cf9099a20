"""What a line of canonical JSON must contain before a rule can hold for it: its *necessary* literals.

A literal is bytes as they stand in canonical JSON (`jikimi.domain.event.canonical`), searched for without regard to
ASCII case. A value with one of the `folding_characters` (`ß`, the Kelvin sign) keeps no such promise.
"""

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TypeAlias

from detectors.sigma.regex_texts import necessary_texts
from detectors.sigma.tree import Regex, Text

Literal: TypeAlias = bytes
Clause: TypeAlias = frozenset[Literal]
"""At least one of these is in every line for which the rule holds."""

_SHORTEST = 3
"""Bytes; what is shorter stands in most lines."""
_LAST_WITH_CASE = 0x1FFFF
"""No character beyond has an upper or lower case."""
_ESCAPES = {ord(char): rf"\u{ord(char):04x}" for char in map(chr, range(32))} | {
    ord(char): escape
    for char, escape in zip('"\\\b\t\n\f\r', ('\\"', "\\\\", r"\b", r"\t", r"\n", r"\f", r"\r"), strict=True)
}
_OF_NUMBERS = frozenset("0123456789+-.e")
_BETWEEN_DIGITS = frozenset("+-.e")
_PLAIN_DIGITS = 16
"""A whole number of so many digits is always written out."""


@lru_cache(50_000)
def clauses_of(test: Text | Regex) -> tuple[Clause, ...]:
    """Each of these clauses holds for every line for which the test holds."""
    if isinstance(test, Regex):
        return tuple(clause for texts in necessary_texts(test.pattern) if (clause := _of_texts(texts)) is not None)
    last = len(test.pattern) - 1
    return tuple(
        clause
        for place, part in enumerate(test.pattern)
        if isinstance(part, str)
        for clause in _of_part(part if test.cased else part.casefold(), place == 0, place == last)
    )


def _of_texts(texts: frozenset[str]) -> Clause | None:
    """One clause for: the value holds one of these texts. None when one of them has no bytes to look for."""
    best = [max(_of_part(text.casefold(), False, False), key=_shortest, default=None) for text in texts]
    return None if None in best else frozenset[Literal]().union(*(clause for clause in best if clause))


def _shortest(clause: Clause) -> int:
    return min(map(len, clause))


def _of_part(text: str, starts: bool, ends: bool) -> Iterator[Clause]:
    if not _in_numbers(text):
        yield from _runs(text, opened=starts, closed=ends)
    elif starts and ends and text.isdigit() and len(text) <= _PLAIN_DIGITS:
        yield from _runs(text)


def _in_numbers(text: str) -> bool:
    """Numbers and truth values have texts too, and may stand otherwise in the line: without quotes, `1e16`."""
    if _BETWEEN_DIGITS.issuperset(text):
        return 0 < len(text) < 3  # `e+`, as in 1e+16
    return _OF_NUMBERS.issuperset(text) or text in "true" or text in "false"


def _runs(text: str, *, opened: bool = False, closed: bool = False) -> Iterator[Clause]:
    """The parts of a folded text whose bytes are known; quotes where a value starts or ends."""
    run = '"' if opened else ""
    for char in text:
        if char < "\x80" or not ("\ud800" <= char <= "\udfff" or _folds_to(char)):
            run += char.translate(_ESCAPES)
            continue
        yield from _long_enough(run)
        run = ""
        if variants := _folds_to(char):
            yield frozenset(variant.encode() for variant in variants)
    yield from _long_enough(run + '"' if closed else run)


def _long_enough(run: str) -> Iterator[Clause]:
    if len(literal := run.encode()) >= _SHORTEST:
        yield frozenset((literal,))


def escaped(literal: bytes) -> bytes:
    """An expression for exactly these bytes."""
    return b"\\x" + literal.hex("~").encode().replace(b"~", b"\\x")


@cache
def _foldings() -> dict[str, tuple[str, ...]]:
    """Character that a case folding holds → every character that folds to it or to a text with it."""
    found: dict[str, tuple[str, ...]] = {}
    for code in range(0x80, _LAST_WITH_CASE):
        char = chr(code)
        for part in set(folded) if (folded := char.casefold()) != char else ():
            found[part] = (*found.get(part, (part,)), char)
    return found


def _folds_to(char: str) -> tuple[str, ...]:
    """Characters other than ASCII that stand for `char`, itself among them; none when it stands only for itself."""
    return _foldings().get(char, ())


@cache
def folding_characters() -> tuple[str, ...]:
    """Every character outside ASCII whose folding holds an ASCII character."""
    return tuple(
        sorted({char for part, chars in _foldings().items() if part < "\x80" for char in chars if char >= "\x80"})
    )
