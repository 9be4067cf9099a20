"""The values of some names in lines of JSON, cut out by msgspec, which passes over all that is not asked for.

Records of many kinds come mixed. Which kind a record is stands in one of its own fields (`EventID`): msgspec looks for
it first and then reads the names that this kind is asked for, all in one pass.
"""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from operator import attrgetter
from types import NoneType
from typing import Any, TypeAlias, Union

import msgspec
from msgspec import UNSET, UnsetType

from detectors.sigma.bounded import is_long
from detectors.sigma.lines import Lines
from jikimi.domain.event import Event

Row: TypeAlias = Any
"""A line's values; hashable. Texts and whole numbers only: `1`, `1.0` and `true` would be equal keys."""
Key: TypeAlias = Any
"""Some of a row's values; hashable."""

_VALUE = str | int | UnsetType | None
_MOST_KINDS = 1_000
"""Lines of further kinds are not read."""

_Tag: TypeAlias = int | str | None
"""What a kind has in the field that tells kinds apart; None for lines that have it not."""


def is_readable(name: str) -> bool:
    """Can a row have a value of this name?"""
    return name.isprintable() and '"' not in name and "\\" not in name


class RowReader:
    """Reads the lines of one log source. `tag` is the field that tells their kinds apart, when there is one.

    Rows of every kind have the `common` names, and those that were asked for (`ask`), all of them readable. Not
    thread-safe.
    """

    def __init__(self, tag: str | None, common: Iterable[str]) -> None:
        self._tag = tag
        self._common = dict.fromkeys(name for name in common if name != tag)
        self._labels = {name: f"value{place}" for place, name in enumerate(self._common)}
        self._asked: dict[_Tag, dict[str, None]] = {}
        self._kinds: dict[_Tag, type] = {}
        self._tags: dict[type, _Tag] = {}
        self._decoders: list[msgspec.json.Decoder[Any]] = []
        """One for each type that tags have; the one that could read the last block comes first."""
        unread = msgspec.defstruct("Unread", [(label, None, None) for label in self._labels.values()])
        self.unread: Row = unread()
        """In the stead of a line that has another value than text, a whole number or null under a name."""
        self.kind: Callable[[Row], Key] = attrgetter("__class__", *self._labels.values())
        """Type and common values of a row."""

    def ask(self, event: Event, names: Iterable[str]) -> bool:
        """Read these names too in lines of this event's kind. False when they are read already, or cannot be."""
        tag = event.get(self._tag) if self._tag else None
        if not _is_tag(tag) or (tag not in self._asked and len(self._asked) >= _MOST_KINDS):
            return False
        asked = self._asked.get(tag, self._common)
        wanted = asked | dict.fromkeys(names)
        if tag in self._asked and len(wanted) == len(asked):
            return False
        self._asked[tag] = wanted
        self._kinds[tag] = self._kind(tag, wanted)
        self._decoders = []  # made anew when the next lines come: there may be more to ask before
        return True

    def rows(self, lines: Lines) -> tuple[list[Row], AbstractSet[int]]:
        """One a line, and the numbers of those that are not read."""
        if not self._decoders:
            self._decoders = [self._decoder(of) for of in {type(tag): None for tag in self._kinds}]
        for decoder in self._decoders:
            try:
                rows: list[Row] = decoder.decode_lines(lines.block)
            except msgspec.MsgspecError:
                continue
            self._decoders.sort(key=lambda other: other is not decoder)
            return rows, frozenset()
        rows = list(map(self._row, lines))
        return rows, {number for number, row in enumerate(rows) if row is self.unread}

    def _row(self, line: bytes) -> Row:
        for decoder in self._decoders:
            try:
                return decoder.decode(line)
            except msgspec.MsgspecError:
                pass
        return self.unread

    def event(self, row: Row) -> Event:
        """Of a row that was read: what classes go by."""
        tag = self._tags[type(row)]
        values = {name: getattr(row, self._labels[name]) for name in self._common}
        if tag is not None:
            values[str(self._tag)] = tag
        return {name: value for name, value in values.items() if value is not UNSET}

    def keys(self, names: Iterable[str], whole: bool = False) -> "Keys":
        """The way from rows to their values of these names, all asked for; `whole`: rows are their own keys."""
        return Keys({name: self._label(name) for name in names}, whole)

    def _label(self, name: str) -> str:
        return self._labels.setdefault(name, f"value{len(self._labels)}")

    def _decoder(self, of: type) -> msgspec.json.Decoder[Any]:
        kinds = {tag: kind for tag, kind in self._kinds.items() if type(tag) is of}
        if of is not NoneType and len(kinds) == 1:  # msgspec insists on a tag only where it has a choice
            other = of(not next(iter(kinds)))
            kinds[other] = self._kind(other, self._common)
        return msgspec.json.Decoder(Union[tuple(kinds.values())])  # noqa: UP007

    def _kind(self, tag: _Tag, names: Iterable[str]) -> type:
        values: list[tuple[str, str, Any]] = [(self._label(name), name, _VALUE) for name in names]
        if self._tag and tag is None:
            values.append(("tag", self._tag, UnsetType | None))
        kind = msgspec.defstruct(
            "Row",
            [(label, of, UNSET) for label, _, of in values],
            rename={label: name for label, name, _ in values},
            tag_field=None if tag is None else self._tag,
            tag=tag,
            frozen=True,
            gc=False,
        )
        self._tags[kind] = tag
        return kind


class Keys:
    """The values of some names in rows."""

    def __init__(self, labels: dict[str, str], whole: bool) -> None:
        self._names = tuple(labels)
        self._whole = whole
        self._of_row: Any = attrgetter(*labels.values()) if labels else _no_values
        self._values: Any = _itself
        if len(labels) == 1:
            self._values = _one
        if whole:
            of_row, values = self._of_row, self._values
            self._values = lambda row: values(of_row(row))
        self.are_values = not whole and len(labels) == 1
        """Is a key nothing but the one value?"""

    def of(self, rows: list[Row]) -> Iterable[Key]:
        """One for each row."""
        return rows if self._whole else map(self._of_row, rows)

    def event(self, key: Key) -> Event:
        """A key's values by name."""
        return {name: value for name, value in zip(self._names, self._values(key), strict=True) if value is not UNSET}

    def is_long(self, key: Key) -> bool:
        """Is there a text in it that is too long to be remembered?"""
        return any(map(is_long, self._values(key)))


def _is_tag(value: object) -> bool:
    return value is None or type(value) is str or (type(value) is int and abs(value) < 2**63)


def _no_values(_row: Row) -> tuple[()]:
    return ()


def _itself(key: Sequence[object]) -> Sequence[object]:
    return key


def _one(value: Key) -> tuple[Key]:
    return (value,)
