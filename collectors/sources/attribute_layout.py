"""Netlink attributes whose layout hardly ever changes: learnt from one message, then read by two `struct` calls.

Reading attribute by attribute costs 25 µs a connection in Python. All messages about, say, IPv4 UDP connections
have the same attributes in the same places: the headers of a message are compared with those the layout was learnt
from, and only a message that differs is learnt anew.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from collectors.sources.netlink import ATTRIBUTE, TYPE_MASK

Path = tuple[int, ...]
"""Numbers of the nested attributes down to one."""


class Layout:
    """Where the attributes of a message lie. `values` are in the order of `wanted`."""

    def __init__(self, body: bytes, start: int, nests: frozenset[Path], wanted: Mapping[Path, str]) -> None:
        """`wanted`: format of each attribute by its path, big-endian, `struct`'s."""
        found = list(_walk(body, start, len(body), nests, ()))
        self._size = len(body)
        self._headers = _picking([(at, "4s") for at, _, _ in found])
        self._expected = self._headers(body)
        places = {path: (at, size) for at, size, path in found}
        self._values = _picking(sorted(_wanted(places, wanted)))
        order = [path for _, path in sorted((places[path][0], path) for path in wanted if _fits(path, places, wanted))]
        self._order = [order.index(path) if path in order else -1 for path in wanted]
        self.places = places

    def values(self, body: bytes) -> list[Any] | None:
        """None when `body` is laid out otherwise. A number that is not there is 0."""
        if len(body) != self._size or self._headers(body) != self._expected:
            return None
        picked = self._values(body)
        return [picked[at] if at >= 0 else 0 for at in self._order]


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
