"""The class of every line of a block, told from its bytes where they are sure, else from the decoded event."""

from collections.abc import Callable, Iterable
from operator import lt
from typing import Generic, TypeAlias, TypeVar

import orjson

from detectors.sigma.bounded import Bounded
from detectors.sigma.lines import Lines, LineScanner, key_of, value_in
from detectors.sigma.route import class_fields, class_key, more_class_fields
from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource

Class = TypeVar("Class")
Told: TypeAlias = tuple[bytes | None, ...]
"""The bytes of the values that classes go by; empty for a missing field, None where bytes cannot tell."""

_KEPT = 10_000
_NO_KEYS: tuple[bytes, ...] = ()


class Classifier(Generic[Class]):
    """Blocks of one log source. `find` works out the class of an event that has the fields classes go by."""

    def __init__(self, logsource: LogSource, find: Callable[[LogSource, Event], Class]) -> None:
        self._logsource = logsource
        self._find = find
        self._keys = tuple(map(key_of, class_fields(logsource)))
        self._scanner = LineScanner(self._keys)
        self._told: Bounded[tuple[Told, ...], Class] = Bounded(_KEPT)
        self._more: Bounded[Told, tuple[bytes, ...]] = Bounded(_KEPT)
        self._known: Bounded[tuple[object, ...], Class] = Bounded(_KEPT)

    def lines(self, block: bytes) -> Lines:
        """Where the lines of canonical NDJSON are."""
        return self._scanner.scan(block)

    def groups(self, block: bytes, lines: Lines) -> dict[Class, list[int]]:
        """The numbers of the lines of each class, in order."""
        if not self._keys:
            return {self.of_event({}): list(range(len(lines.starts)))} if lines.starts else {}
        groups: dict[Class, list[int]] = {}
        known: dict[Told, list[int]] = {}
        for number, told in enumerate(self._values(block, lines)):
            if told in known:
                known[told].append(number)
            else:
                known[told] = [number]
        for told, numbers in known.items():
            self._settle(told, numbers, block, lines, groups)
        return {found: sorted(numbers) for found, numbers in groups.items()}

    def of_event(self, event: Event) -> Class:
        """The class of a decoded event."""
        key = class_key(self._logsource, event)
        try:
            known = self._known.get(key)
        except TypeError:  # a list or map where a name belongs
            return self._find(self._logsource, event)
        if known is None:
            known = self._find(self._logsource, event)
            self._known.keep(key, known)
        return known

    def _values(self, block: bytes, lines: Lines) -> Iterable[Told]:
        columns = [
            _cut(block, starts) if _one_a_line(lines, starts) else _searched(block, lines, key)
            for key, starts in zip(self._keys, lines.values, strict=True)
        ]
        for number in lines.nested:
            for column in columns:
                column[number] = None
        return zip(*columns, strict=True)

    def _settle(
        self, told: Told, numbers: list[int], block: bytes, lines: Lines, groups: dict[Class, list[int]]
    ) -> None:
        """Finds the class of lines that tell the same, and adds them to its group."""
        keys = self._more.get(told)
        if keys is None:
            keys = self._keys_beyond(told)
        if not keys and (found := self._told.get((told,))) is not None:
            groups.setdefault(found, []).extend(numbers)
            return
        for number in numbers:
            line = block[lines.starts[number] : lines.stops[number]]
            found = self._of_line(told, keys, line)
            groups.setdefault(found, []).append(number)

    def _keys_beyond(self, told: Told) -> tuple[bytes, ...]:
        event = _event_of(self._keys, told)
        keys = _NO_KEYS if event is None else tuple(map(key_of, more_class_fields(self._logsource, event)))
        self._more.keep(told, keys)
        return keys

    def _of_line(self, told: Told, keys: tuple[bytes, ...], line: bytes) -> Class:
        more: Told = tuple(value_in(line, key) for key in keys)
        kept_as = (told, more) if keys else (told,)
        known = self._told.get(kept_as)
        if known is not None:
            return known
        event = _event_of((*self._keys, *keys), (*told, *more))
        if event is None:
            return self.of_event(orjson.loads(line))
        known = self.of_event(event)
        self._told.keep(kept_as, known)
        return known


def _one_a_line(lines: Lines, values: list[int]) -> bool:
    """Each line has the key exactly once."""
    return len(values) == len(lines.starts) and all(map(lt, lines.starts, values)) and all(map(lt, values, lines.stops))


def _cut(block: bytes, values: list[int]) -> list[bytes | None]:
    """Each value up to the next comma: all of it, or bytes that are no JSON."""
    find = block.find
    return [block[start : find(b",", start)] for start in values]


def _searched(block: bytes, lines: Lines, key: bytes) -> list[bytes | None]:
    return [value_in(block[start:stop], key) for start, stop in zip(lines.starts, lines.stops, strict=True)]


def _event_of(keys: tuple[bytes, ...], told: Told) -> Event | None:
    """The fields that were told as an event; None when the bytes are not surely whole values."""
    event: Event = {}
    for key, raw in zip(keys, told, strict=True):
        if raw is None:
            return None
        if raw:
            try:
                event[orjson.loads(key[:-1])] = orjson.loads(_whole(raw))
            except orjson.JSONDecodeError:
                return None
    return event


def _whole(raw: bytes) -> bytes:
    """Without the end of the line, for the last value of an event."""
    first = raw.partition(b"\n")[0]
    return first if first.endswith(b'"') else first.rstrip(b"}\r")
