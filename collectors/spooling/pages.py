"""Rows read from the pages of an SQLite file one by one, whatever else in the file is damaged.

SQLite itself gives a file up as a whole when its header or a page that leads to others is damaged. The rows lie in leaf
pages, each of which can be read for itself (https://sqlite.org/fileformat2.html, 1.6 and 4.1). Whoever asks must know
a sound row by a checksum of its own: pages that are free hold rows that were deleted, and damaged ones anything.
"""

import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PAGE = 8192
_LEAF = b"\x0d"
_FILE_HEADER = 100
_LOCAL_MOST = PAGE - 35
_LOCAL_LEAST = (PAGE - 12) * 32 // 255 - 23
_WAL_HEADER, _FRAME_HEADER = 32, 24
_LARGEST = 8 << 20


class Row(NamedTuple):
    """Of the log's table `records`; `row` = partition number << 48 | offset."""

    row: int
    appended_at: int
    headers: bytes
    value: bytes


class Place(NamedTuple):
    """Where a row begins: `in_wal` or in the file itself."""

    row: int
    in_wal: bool
    page_at: int
    cell_at: int


class Pages:
    """`wal`: the write-ahead log's bytes as they lay there. Raises OSError."""

    def __init__(self, path: Path, wal: bytes) -> None:
        self._file = path.open("rb", buffering=0)
        self._size = path.stat().st_size
        self._wal = wal
        self._frames = dict(_frames(wal))

    def close(self) -> None:
        self._file.close()

    def places(self) -> Iterator[Place]:
        """Of everything that looks like a row, in no order; a row may come more than once."""
        for at in range(0, self._size, PAGE):
            yield from _cells(self._page(at, in_wal=False), at, in_wal=False)
        for at in _frame_places(self._wal):
            yield from _cells(self._page(at, in_wal=True), at, in_wal=True)

    def rows(self, place: Place) -> Iterator[Row]:
        """The row as it may lie there: once with the newest pages it continues in, once with those of the file."""
        page = self._page(place.page_at, in_wal=place.in_wal)
        for newest in (True, False):
            with suppress(struct.error, IndexError, ValueError):
                yield self._row(page, place.cell_at, newest=newest)

    def _row(self, page: bytes, at: int, *, newest: bool) -> Row:
        size, at = _varint(page, at)
        row, at = _varint(page, at)
        if not 0 < size <= _LARGEST:
            raise ValueError(size)
        local = _local(size)
        payload = page[at : at + local]
        if local < size:
            (following,) = struct.unpack_from(">I", page, at + local)
            payload += self._overflow(following, size - local, newest=newest)
        if len(payload) != size:
            raise ValueError(size)
        return _columns(row, payload)

    def _overflow(self, number: int, wanted: int, *, newest: bool) -> bytes:
        parts = []
        while wanted > 0:
            in_wal = newest and number in self._frames
            page = self._page(self._frames[number] if in_wal else (number - 1) * PAGE, in_wal=in_wal)
            (number,) = struct.unpack_from(">I", page)
            parts.append(page[4 : 4 + wanted])
            wanted -= len(parts[-1]) or wanted + 1
        return b"".join(parts)

    def _page(self, at: int, *, in_wal: bool) -> bytes:
        if at < 0:
            raise ValueError(at)
        if in_wal:
            return self._wal[at : at + PAGE]
        try:
            self._file.seek(at)
            return self._file.read(PAGE)
        except OSError:  # a sector that cannot be read costs its page
            return b""


def _frame_places(wal: bytes) -> range:
    return range(_WAL_HEADER + _FRAME_HEADER, len(wal), _FRAME_HEADER + PAGE)


def _frames(wal: bytes) -> Iterator[tuple[int, int]]:
    """(page number, where its content begins), the newest last."""
    for at in _frame_places(wal):
        yield int.from_bytes(wal[at - _FRAME_HEADER : at - _FRAME_HEADER + 4], "big"), at


def _cells(page: bytes, page_at: int, *, in_wal: bool) -> Iterator[Place]:
    start = 0 if page[:1] == _LEAF else _FILE_HEADER
    if page[start : start + 1] != _LEAF or len(page) < PAGE:
        return
    (count,) = struct.unpack_from(">H", page, start + 3)
    for number in range(min(count, PAGE // 4)):
        with suppress(struct.error, IndexError):
            (at,) = struct.unpack_from(">H", page, start + 8 + 2 * number)
            _, behind = _varint(page, at)
            yield Place(_varint(page, behind)[0], in_wal, page_at, at)


def _local(size: int) -> int:
    """How much of a row lies in its leaf page."""
    if size <= _LOCAL_MOST:
        return size
    fitting = _LOCAL_LEAST + (size - _LOCAL_LEAST) % (PAGE - 4)
    return fitting if fitting <= _LOCAL_MOST else _LOCAL_LEAST


def _columns(row: int, payload: bytes) -> Row:
    """id (in the row's number), appended_at, key, headers, value. Raises ValueError for a row of another table."""
    end, at = _varint(payload, 0)
    kinds = []
    while at < end:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    if len(kinds) != 5 or kinds[0] != 0 or kinds[1] > 6 or any(kind < 12 or kind % 2 for kind in kinds[2:]):
        raise ValueError(kinds)
    whole = (0, 1, 2, 3, 4, 6, 8)[kinds[1]]
    parts = []
    for length in (whole, *((kind - 12) // 2 for kind in kinds[2:])):
        parts.append(payload[at : at + length])
        at += length
    return Row(row, int.from_bytes(parts[0], "big", signed=True), parts[2], parts[3])


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """(value, where the next thing begins)."""
    value = 0
    for place in range(at, at + 8):
        value = value << 7 | raw[place] & 0x7F
        if raw[place] < 0x80:
            return value, place + 1
    return value << 8 | raw[at + 8], at + 9
