"""The lines of a block, read once, and the class of each: told from the few values that classes go by."""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from typing import Generic, Protocol, TypeVar, cast

import orjson

from detectors.sigma.bounded import Bounded, is_long
from detectors.sigma.lines import Lines, Marks
from detectors.sigma.route import class_key
from detectors.sigma.rows import Key, Row, RowReader
from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource

_KEPT = 10_000


class Asking(Protocol):
    """What is made for a class: `names` are those that it wants to read in lines of the class."""

    @property
    def names(self) -> Iterable[str]: ...


Class = TypeVar("Class", bound=Asking)


class Classifier(Generic[Class]):
    """Blocks of one log source. `find` works out the class of an event that has the fields classes go by."""

    def __init__(self, logsource: LogSource, reader: RowReader, find: Callable[[Event], Class]) -> None:
        self._logsource = logsource
        self._reader = reader
        self._find = find
        self._marks = Marks()
        self._of_kind: Bounded[Key, Class] = Bounded(_KEPT)
        self._known: Bounded[tuple[object, ...], Class] = Bounded(_KEPT)

    def lines(self, block: bytes) -> Lines:
        """The lines of canonical NDJSON."""
        return Lines(block, self._marks)

    def read(self, lines: Lines) -> tuple[list[Row], AbstractSet[int], list[Class]]:
        """Row and class of every line, and the numbers of those whose rows are not read.

        They are read again when lines of a kind came of which more is asked than was read.
        """
        rows, unread = self._reader.rows(lines)
        classes = list(map(self._of_kind.get, map(self._reader.kind, rows)))
        if None in classes and self._ask(lines, rows, unread, classes):
            rows, unread = self._reader.rows(lines)
        return rows, unread, cast("list[Class]", classes)

    def _ask(self, lines: Lines, rows: list[Row], unread: AbstractSet[int], classes: list[Class | None]) -> bool:
        """Finds the classes that are not known. Is more asked of their lines than was read?"""
        asked = False
        for number in [number for number, known in enumerate(classes) if known is None]:
            event = orjson.loads(lines.line(number)) if number in unread else self._reader.event(rows[number])
            found = classes[number] = self.of_event(event)
            if self._reader.ask(event, found.names):
                asked = True
            elif number not in unread:
                self._keep(self._reader.kind(rows[number]), found)
        return asked

    def _keep(self, kind: Key, found: Class) -> None:
        if type(kind) is not tuple or not any(map(is_long, kind)):
            self._of_kind.keep(kind, found)

    def of_event(self, event: Event) -> Class:
        """The class of a decoded event."""
        key = class_key(self._logsource, event)
        try:
            known = self._known.find(key)
        except TypeError:  # a list or map where a name belongs
            return self._find(event)
        if known is None:
            known = self._find(event)
            self._known.keep(key, known)
        return known
