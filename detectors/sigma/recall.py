"""What lines with the same values in a class's tested fields were found to be: telemetry repeats itself.

The values are cut out by msgspec, which passes over all that is not asked for. Whether a rule holds depends on nothing
but the values of its fields, so two lines that agree in them need one look. Fields whose values seldom come again
(`TargetFilename`) are left out, and the rules that test them are told otherwise.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from detectors.sigma.bounded import Bounded
from detectors.sigma.lines import Part

Key: TypeAlias = Any
"""A line's values; hashable. Texts and whole numbers only: `1`, `1.0` and `true` would be equal keys."""

_KEPT = 10_000
_WORTH = 0.5
"""Of the lines must be known for a memory to pay for itself."""
_REPEATS = 0.4
"""Most different keys a line, in a choice of fields that is worth keeping."""


class Recall:
    """Values of `names`, as they stand in a line → the rules that may hold. Not thread-safe."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        labels = {f"value{place}": name for place, name in enumerate(self.names)}
        kind = str | int | UnsetType | None
        values = msgspec.defstruct(
            "Values", [(label, kind, UNSET) for label in labels], rename=labels, frozen=True, gc=False
        )
        self._decoder = msgspec.json.Decoder(values)
        self._rules: Bounded[Key, tuple[int, ...]] = Bounded(_KEPT)
        self._asked = 0
        self._missed_before = 0

    def keys(self, part: Part) -> list[Key]:
        """The key of every line; None for one that has none: it must be looked at."""
        self._asked += len(part.starts)
        try:
            keys: list[Key] = self._decoder.decode_lines(part.data)
        except msgspec.MsgspecError:
            keys = [self._key(part.line(number)) for number in range(len(part.starts))]
        for number in part.nested | part.spaced:
            keys[number] = None
        return keys

    def _key(self, line: bytes) -> Key:
        try:
            return self._decoder.decode(line)
        except msgspec.MsgspecError:
            return None

    def known(self, keys: list[Key]) -> list[tuple[int, ...] | None]:
        """The rules that may hold for each; None where nobody knows."""
        return list(map(self._rules.get, keys))

    def keep(self, key: Key, rules: tuple[int, ...]) -> None:
        """Remembers what `known` did not find."""
        if key is not None:
            self._rules.keep(key, rules)

    def worth_keeping(self) -> tuple[str, ...]:
        """The names whose values come again often enough; all of them if the memory paid since it was last asked."""
        missed, asked = self._rules.misses - self._missed_before, self._asked
        self._missed_before, self._asked = self._rules.misses, 0
        if missed <= asked * (1 - _WORTH):
            return self.names
        columns = dict(zip(self.names, zip(*map(msgspec.structs.astuple, self._rules), strict=True), strict=False))
        lines = len(self._rules)
        while columns and len(set(zip(*columns.values(), strict=True))) > _REPEATS * lines:
            del columns[max(columns, key=lambda name: len(set(columns[name])))]
        return tuple(columns)
