"""The values of some names in lines of JSON, cut out by msgspec, which passes over all that is not asked for."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from detectors.sigma.bounded import is_long
from jikimi.domain.event import Event

Row: TypeAlias = Any
"""A line's values; hashable. Texts and whole numbers only: `1`, `1.0` and `true` would be equal keys."""
Key: TypeAlias = Any
"""Some of a row's values; hashable."""

_KIND = str | int | UnsetType | None


def is_readable(name: str) -> bool:
    """Can a row have a value of this name?"""
    return name.isprintable() and '"' not in name and "\\" not in name


class RowReader:
    """Reads the values of `names`, all of them readable. Not thread-safe."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self._labels = {name: f"value{place}" for place, name in enumerate(self.names)}
        rows = msgspec.defstruct(
            "Row",
            [(label, _KIND, UNSET) for label in self._labels.values()],
            rename={label: name for name, label in self._labels.items()},
            frozen=True,
            gc=False,
        )
        self._decoder = msgspec.json.Decoder(rows)

    def rows(self, lines: Sequence[bytes]) -> list[Row]:
        """One a line; None for a line that has another value than text, a whole number or null under a name."""
        try:
            return list(map(self._decoder.decode, lines))
        except msgspec.MsgspecError:
            return list(map(self._row, lines))

    def rows_of_block(self, block: bytes, lines: int) -> list[Row] | None:
        """The same of all lines of a block at once; None when it is not so many rows."""
        try:
            rows: list[Row] = self._decoder.decode_lines(block)
        except msgspec.MsgspecError:
            return None
        return rows if len(rows) == lines else None

    def _row(self, line: bytes) -> Row:
        try:
            return self._decoder.decode(line)
        except msgspec.MsgspecError:
            return None

    def keys(self, names: Sequence[str]) -> "Keys":
        """The way from rows to their values of these names."""
        return Keys(self, names, [self._labels[name] for name in names])


class Keys:
    """The values of some names in rows; a row is its own key when they are all that it has."""

    def __init__(self, reader: RowReader, names: Sequence[str], labels: Sequence[str]) -> None:
        self.names = tuple(names)
        self._all = set(names) == set(reader.names)
        self._of_row: Any = attrgetter(*labels) if labels else _no_values
        self._values: Any = msgspec.structs.astuple if self._all else _one if len(labels) == 1 else tuple
        if self._all:
            self.names = reader.names
        self.are_values = not self._all and len(self.names) == 1
        """Is a key nothing but the one value?"""

    def of(self, rows: list[Row]) -> Iterable[Key]:
        """One for each row."""
        return rows if self._all else map(self._of_row, rows)

    def event(self, key: Key) -> Event:
        """A key's values by name."""
        return {name: value for name, value in zip(self.names, self._values(key), strict=True) if value is not UNSET}

    def is_long(self, key: Key) -> bool:
        """Is there a text in it that is too long to be remembered?"""
        return any(map(is_long, self._values(key)))


def _no_values(_row: Row) -> tuple[()]:
    return ()


def _one(value: Key) -> tuple[Key]:
    return (value,)
