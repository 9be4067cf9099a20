"""What a line of canonical JSON must contain before a rule can hold for it: its *necessary* literals.

A literal is bytes as they stand in canonical JSON (`jikimi.domain.event.canonical`), searched for without regard to
ASCII case. A value with one of the `folding_characters` (`ß`, the Kelvin sign) keeps no such promise.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import TypeAlias

from detectors.sigma.regex import necessary_literal
from detectors.sigma.tree import All, AnyOf, Node, Regex, Test, Text

Literal: TypeAlias = bytes
Clause: TypeAlias = frozenset[Literal]
"""At least one of these is in every line for which the rule holds."""
Cost: TypeAlias = Callable[[Literal], float]
"""The share of lines that contain a literal, 0 to 1."""

EXPONENT: Literal = b"\x00exponent"
"""Stands for any number whose text (`values.number_text`) is not how JSON writes it: `1e16`, `0.00001`."""
EXPONENT_PATTERN = rb"[:\[,]-?(?:[0-9.]+e|0\.0000)"

_SHORTEST = 2
_LAST_WITH_CASE = 0x1FFFF
"""No character beyond has an upper or lower case."""
_ESCAPES = {ord(char): rf"\u{ord(char):04x}" for char in map(chr, range(32))} | {
    ord(char): escape
    for char, escape in zip('"\\\b\t\n\f\r', ('\\"', "\\\\", r"\b", r"\t", r"\n", r"\f", r"\r"), strict=True)
}
_OF_NUMBERS = frozenset("0123456789+-.e")
_PLAIN_DIGITS = 16
"""A whole number of so many digits is never written with an exponent."""


def clause_of(node: Node, cost: Cost, opaque: frozenset[str]) -> tuple[float, Clause] | None:
    """The cheapest clause of a tree and the share of lines it lets through; None when there is none.

    `opaque` are fields whose values need not stand in the line as rules see them.
    """
    if isinstance(node, All):
        return _cheapest(clause_of(item, cost, opaque) for item in node.items)
    if isinstance(node, AnyOf):
        return _union([clause_of(item, cost, opaque) for item in node.items])
    if isinstance(node, Text | Regex) and node.field not in opaque:
        return _cheapest((sum(map(cost, clause)), clause) for clause in clauses_of(node))
    return None


def _cheapest(parts: Iterator[tuple[float, Clause] | None]) -> tuple[float, Clause] | None:
    return min((part for part in parts if part is not None), key=lambda part: part[0], default=None)


def _union(parts: list[tuple[float, Clause] | None]) -> tuple[float, Clause] | None:
    total, literals = 0.0, set[Literal]()
    for part in parts:
        if part is None:
            return None
        total += part[0]
        literals |= part[1]
    return total, frozenset(literals)


def clauses_of(test: Test) -> Iterator[Clause]:
    """Each of these clauses holds for every line for which the test holds."""
    if isinstance(test, Regex):
        yield from _runs(necessary_literal(test.pattern).casefold())
    elif isinstance(test, Text):
        last = len(test.pattern) - 1
        for place, part in enumerate(test.pattern):
            if isinstance(part, str):
                yield from _of_part(part if test.cased else part.casefold(), place == 0, place == last)


def _of_part(text: str, starts: bool, ends: bool) -> Iterator[Clause]:
    if not _in_numbers(text):
        yield from _runs(text, opened=starts, closed=ends)
    elif not (starts and ends and text.isdigit() and len(text) <= _PLAIN_DIGITS):
        yield from (clause | {EXPONENT} for clause in _runs(text))
    else:
        yield from _runs(text)


def _in_numbers(text: str) -> bool:
    """A number and a truth value have texts too, and stand without quotes."""
    return text != "" and (_OF_NUMBERS.issuperset(text) or text in "true" or text in "false")


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
