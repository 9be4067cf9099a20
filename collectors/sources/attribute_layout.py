"""Netlink attributes whose layout hardly ever changes: learnt from one message, then read by one `struct` call.

Reading attribute by attribute costs 25 µs a connection in Python. All messages about, say, IPv4 UDP connections
have the same attributes in the same places: the headers of a message are compared with those the layout was learnt
from, and only a message that differs is learnt anew.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import Any

from collectors.sources.netlink import ATTRIBUTE, TYPE_MASK

Path = tuple[int, ...]
"""Numbers of the nested attributes down to one."""


class Layout:
    """Where the attributes of a message lie."""

    def __init__(self, body: bytes, start: int, nests: frozenset[Path], wanted: Mapping[Path, str]) -> None:
        """`wanted`: format of each attribute by its path, big-endian, `struct`'s; two at least."""
        found = list(_walk(body, start, len(body), nests, ()))
        self._size = len(body)
        mask = bytearray(len(body))
        for at, _, _ in found:
            mask[at : at + ATTRIBUTE.size] = b"\xff" * ATTRIBUTE.size
        self._mask = int.from_bytes(mask)
        self._expected = int.from_bytes(body) & self._mask
        places = {path: (at, size) for at, size, path in found}
        self._values = _picking(sorted(_wanted(places, wanted)))
        order = [path for _, path in sorted((places[path][0], path) for path in wanted if _fits(path, places, wanted))]
        self._in_order = itemgetter(*(order.index(path) if path in order else -1 for path in wanted))
        self.values_at = {path: at + ATTRIBUTE.size for path, (at, _) in places.items()}
        """Offsets of the values by path."""

    def is_of(self, body: bytes) -> bool:
        """Whether `body` is laid out so: its headers, looked at all at once as bits of one number, are the same."""
        return len(body) == self._size and int.from_bytes(body) & self._mask == self._expected

    def values(self, body: bytes) -> tuple[Any, ...]:
        """Of a `body` that is laid out so, in the order of `wanted`; a number that is not there is 0."""
        found: tuple[Any, ...] = self._in_order((*self._values(body), 0))
        return found


def _walk(body: bytes, at: int, end: int, nests: frozenset[Path], above: Path) -> Iterator[tuple[int, int, Path]]:
    """(offset of the header, length of the value, path) of all attributes."""
    while at + ATTRIBUTE.size <= end:
        length, kind = ATTRIBUTE.unpack_from(body, at)
        if length < ATTRIBUTE.size or at + length > end:
            return
        path = (*above, kind & TYPE_MASK)
        yield at, length - ATTRIBUTE.size, path
        if path in nests:
            yield from _walk(body, at + ATTRIBUTE.size, at + length, nests, path)
        at += (length + 3) & ~3


def _fits(path: Path, places: Mapping[Path, tuple[int, int]], wanted: Mapping[Path, str]) -> bool:
    return path in places and places[path][1] >= struct.calcsize(">" + wanted[path])


def _wanted(places: Mapping[Path, tuple[int, int]], wanted: Mapping[Path, str]) -> Iterator[tuple[int, str]]:
    for path, form in wanted.items():
        if _fits(path, places, wanted):
            yield places[path][0] + ATTRIBUTE.size, form


def _picking(fields: list[tuple[int, str]]) -> Callable[[bytes], tuple[Any, ...]]:
    """Reads the fields (offset, format), which are in the order of their offsets and do not overlap."""
    form, at = ">", 0
    for offset, kind in fields:
        form += f"{offset - at}x{kind}"
        at = offset + struct.calcsize(">" + kind)
    return struct.Struct(form).unpack_from
