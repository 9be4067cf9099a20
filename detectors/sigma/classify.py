"""The class of every line of a block: told from the few values that classes go by, else from the decoded event."""

from collections.abc import Callable
from typing import Generic, TypeVar

import orjson

from detectors.sigma.bounded import Bounded, Memory
from detectors.sigma.lines import Lines, LineScanner
from detectors.sigma.route import class_fields, class_key
from detectors.sigma.rows import Row, RowReader
from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource

Class = TypeVar("Class")

_KEPT = 10_000


class Classifier(Generic[Class]):
    """Blocks of one log source. `find` works out the class of an event that has the fields classes go by."""

    def __init__(self, logsource: LogSource, find: Callable[[LogSource, Event], Class]) -> None:
        self._logsource = logsource
        self._find = find
        self._scanner = LineScanner()
        self._reader = RowReader(class_fields(logsource))
        keys = self._reader.keys(self._reader.names)
        self._of_row: Memory[Row, Class] = Memory(_KEPT, lambda row: self.of_event(keys.event(row)), keys.is_long)
        self._known: Bounded[tuple[object, ...], Class] = Bounded(_KEPT)

    def lines(self, block: bytes) -> Lines:
        """Where the lines of canonical NDJSON are."""
        return self._scanner.scan(block)

    def groups(self, block: bytes, lines: Lines) -> dict[Class, list[int]]:
        """The numbers of the lines of each class, in order."""
        if not len(lines):
            return {}
        if not self._reader.names:
            return {self.of_event({}): list(range(len(lines)))}
        rows = self._reader.rows_of_block(block, len(lines)) or self._reader.rows(lines.all().lines)
        groups: dict[Class, list[int]] = {}
        for number, row in enumerate(rows):
            found = self._of_row[row] if row is not None else self.of_event(orjson.loads(lines.line(number)))
            if found in groups:
                groups[found].append(number)
            else:
                groups[found] = [number]
        return groups

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
