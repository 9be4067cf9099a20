"""Keywords: texts anywhere in an event, so looked for in the bytes of a block, all those of its log source at once.

One Hyperscan database holds the literals of all keyword clauses (`clauses`, `literals`). A line with a character that
folds to ASCII (`ß`, the Kelvin sign) keeps no promise about literals: it has them all.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pyperscan import BlockDatabase, Flag, Pattern, Scan

from detectors.sigma.lines import Lines
from detectors.sigma.literals import escaped

_LONGEST = 1_000
"""Bytes of a literal that are looked for; Hyperscan takes no more than a few thousand."""


class RawScan:
    """The literals of the classes of one log source, as they become known. Not thread-safe."""

    def __init__(self) -> None:
        self._literals: dict[bytes, None] = {}
        self._found: list[tuple[bytes, int]] = []
        self._scanner: Any = None

    def add(self, literals: Iterable[bytes]) -> None:
        """Look for these too."""
        new = [literal for literal in literals if literal not in self._literals]
        if new:
            self._literals.update(dict.fromkeys(new))
            patterns = (Pattern(escaped(literal[:_LONGEST]), Flag.CASELESS, tag=literal) for literal in self._literals)
            self._scanner = BlockDatabase(*patterns).build(self._found, _note)

    def scan(self, lines: Lines) -> Mapping[int, Iterable[bytes]]:
        """Number of a line → the literals in it; none for a line without any."""
        if self._scanner is None:
            return {}
        self._found.clear()
        self._scanner.scan(lines.block)
        found: dict[int, set[bytes]] = {}
        for literal, end in self._found:
            found.setdefault(lines.number_of(end), set()).add(literal)
        return {**found, **dict.fromkeys(lines.folding, self._literals)}


def _note(found: list[tuple[bytes, int]], literal: Any, _start: int, end: int) -> Scan:
    found.append((literal, end))
    return Scan.Continue
