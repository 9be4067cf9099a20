"""What can still be had from a damaged spool: every batch that is as it was written, and how much is missing."""

import struct
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from collectors.spooling.classes import CLASSES, class_of
from collectors.spooling.pages import Pages, Place, Row
from collectors.spooling.record import batch_of, notes_of
from collectors.spooling.tide import Reach
from jikimi.domain.event import EventBatch
from jikimi.errors import Damaged
from jikimi.stream.sqlite_file import OFFSET_BITS, OFFSET_MASK, unpack_headers


class Found(NamedTuple):
    """A sound batch. `at`: when it was spooled, in seconds since 1970; `notes`: what was noted with it."""

    spool_class: str
    offset: int
    at: float
    batch: EventBatch
    notes: Mapping[str, str]


class Missing(NamedTuple):
    """Of one class, between two moments; `events` is None when nobody knows how many."""

    spool_class: str
    events: int | None
    since: float
    until: float


def salvage(path: Path, wal: bytes, answered: Mapping[str, int]) -> Iterator[Found]:
    """The sound batches of a damaged log, the most important class first, each once and in its order. `answered`: what
    lies below this offset of a class was answered for and deleted, though the file may still hold it.

    Raises OSError.
    """
    with closing(Pages(path, wal)) as pages:
        by_row: dict[int, list[Place]] = {}
        for place in pages.places():
            if 0 <= place.row >> OFFSET_BITS < len(CLASSES):
                by_row.setdefault(place.row, []).append(place)
        for number in sorted(by_row):
            floor = answered.get(CLASSES[number >> OFFSET_BITS], 0)
            if number & OFFSET_MASK >= floor and (found := _first_sound(pages, by_row[number])):
                yield found


def _first_sound(pages: Pages, places: list[Place]) -> Found | None:
    for place in places:
        for row in pages.rows(place):
            try:
                return _found(row)
            except Damaged:
                continue
    return None


def _found(row: Row) -> Found:
    """Raises Damaged."""
    try:
        headers = unpack_headers(row.headers)
    except (ValueError, struct.error) as error:
        raise Damaged(f"its headers cannot be read ({error})") from error
    batch = batch_of(headers, row.value)
    return Found(_class_of(batch), row.row & OFFSET_MASK, row.appended_at / 1000, batch, notes_of(headers))


def _class_of(batch: EventBatch) -> str:
    """As it was written: its numbers are those of that class."""
    name = batch.envelope.epoch.rpartition("-")[2]
    return name if name in CLASSES else class_of(batch.envelope.logsource)


class Account:
    """`take` every batch that is there; `missing` says what is not, held against how far the spool reached (nothing
    where nobody knows)."""

    def __init__(self, reaches: Mapping[str, Reach], now: float) -> None:
        self._reaches = reaches
        self._now = now
        self._events = dict.fromkeys(CLASSES, 0)
        self._since: dict[str, float] = {}
        self._at = {name: (reach.start, reach.since) for name, reach in reaches.items()}
        self._holes: dict[str, tuple[float, float]] = {}

    def take(self, found: Found) -> None:
        name = found.spool_class
        expected, since = self._at.get(name, (found.offset, found.at))
        if found.offset > expected:
            self._hole(name, since, found.at)
        self._at[name] = found.offset + 1, found.at
        self._events[name] += found.batch.envelope.count
        self._since.setdefault(name, found.at)

    def reach(self, name: str, start: int, end: int) -> Reach:
        """Of what was taken, at its new place."""
        return Reach(start, end, self._events[name], self._since.get(name, 0.0))

    def missing(self) -> list[Missing]:
        for name, reach in self._reaches.items():
            expected, since = self._at[name]
            if expected < reach.end:
                self._hole(name, since, self._now)
        return [Missing(name, self._lost(name), *self._holes[name]) for name in CLASSES if name in self._holes]

    def _lost(self, name: str) -> int | None:
        reach = self._reaches.get(name)
        return reach.events - self._events[name] if reach is not None and reach.events >= 0 else None

    def _hole(self, name: str, since: float, until: float) -> None:
        first, last = self._holes.get(name, (since, until))
        self._holes[name] = min(first, since), max(last, until)
