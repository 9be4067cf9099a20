"""The same as `scan`, for long values that are mostly new: Hyperscan reads them many times faster than Aho-Corasick,
but calls back for every hit and takes long to compile. So it is made when it is sure to pay.
"""

from collections.abc import Sequence
from math import inf
from typing import Any

from pyperscan import BlockDatabase, Flag, Pattern, Scan

from detectors.sigma.literals import escaped
from detectors.sigma.scan import Hit, Numbers, Scanner, settled
from detectors.sigma.tree import Text

_LONGEST = 2_000
"""Characters of a literal that Hyperscan surely takes."""
_SHORT = 200
"""Characters, for which Aho-Corasick is as quick."""
_PAYS_AFTER = 1_000
"""Characters looked through beyond these, for each literal."""


class QuickScanner:
    """The plain tests of one field, numbered by the caller. Not thread-safe."""

    def __init__(self, tests: Sequence[tuple[int, Text]]) -> None:
        self._scanner = Scanner(tests)
        self._characters = 0
        self._found: list[tuple[int, Hit]] = []
        self._quick: Any = None
        longest = max(map(len, self._scanner.literals), default=0)
        self._pays_after = _PAYS_AFTER * len(self._scanner.literals) if 0 < longest <= _LONGEST else inf
        self.scans = 0
        """Values looked through."""

    def look(self, value: str) -> Numbers:
        """The tests that hold for this value."""
        self.scans += 1
        if self._quick is None or not value.isascii():  # beyond ASCII folding changes more than the case of letters
            self._characters += max(0, len(value) - _SHORT)
            if self._quick is None and self._characters > self._pays_after:
                self._quick = self._database()
            return self._scanner.look(value)
        self._found.clear()
        self._quick.scan(value.encode())
        return settled(self._found, len(value), self._scanner.whole(value))

    def _database(self) -> Any:
        hits = self._scanner.literals
        patterns = [Pattern(escaped(text.encode()), Flag.CASELESS, tag=hit) for text, hit in hits.items()]
        return BlockDatabase(*patterns).build(self._found, _note)


def _note(found: list[tuple[int, Hit]], hit: Any, _start: int, end: int) -> Scan:
    found.append((end - 1, hit))
    return Scan.Continue
