"""Text of xls files, as Excel wrote them until 2007 (BIFF8).

Source: [MS-XLS] 2.1.4 (records), 2.4 (their kinds), 2.5.217 (RkNumber), 2.5.293 (XLUnicodeRichExtendedString).
"""

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from collectors.leak import notes
from collectors.leak.budget import Budget

if TYPE_CHECKING:
    from olefile import OleFileIO

_SST, _CONTINUE, _FILEPASS = 0x00FC, 0x003C, 0x002F
_LABEL_SST, _LABEL, _NUMBER, _RK, _MUL_RK = 0x00FD, 0x0204, 0x0203, 0x027E, 0x00BD


def xls_text(_: "OleFileIO", raw: bytes, budget: Budget) -> str:
    """Cell by cell, so that a pasted table is known again."""
    records = list(_records(raw))
    if any(kind == _FILEPASS for kind, _ in records):
        budget.lock(notes.LOCKED)
        return ""
    shared = _shared_strings(records)
    return " ".join(cell for kind, data in records for cell in _cells(kind, data, shared))


def _records(raw: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(raw):
        kind, size = struct.unpack_from("<HH", raw, at)
        yield kind, raw[at + 4 : at + 4 + size]
        at += 4 + size


def _cells(kind: int, data: bytes, shared: list[str]) -> Iterator[str]:
    if kind == _LABEL_SST:
        (number,) = struct.unpack_from("<I", data, 6)
        yield shared[number] if number < len(shared) else ""
    elif kind == _LABEL:
        yield _characters(data[9:], struct.unpack_from("<H", data, 6)[0], wide=bool(data[8] & 1))
    elif kind == _NUMBER:
        yield f"{struct.unpack_from('<d', data, 6)[0]:.15g}"
    elif kind == _RK:
        yield _rk(struct.unpack_from("<I", data, 6)[0])
    elif kind == _MUL_RK:
        for at in range(6, len(data) - 6, 6):
            yield _rk(struct.unpack_from("<I", data, at)[0])


def _rk(raw: int) -> str:
    """A number in 30 bits."""
    if raw & 2:
        value = float(struct.unpack("<i", struct.pack("<I", raw))[0] >> 2)
    else:
        value = struct.unpack("<d", struct.pack("<Q", (raw & ~3) << 32))[0]
    return f"{value / 100 if raw & 1 else value:.15g}"


def _shared_strings(records: list[tuple[int, bytes]]) -> list[str]:
    """Of the table that all sheets share. It runs on through records, and a text that is cut by their end begins the
    next with how wide its letters are from there on."""
    start = next((number for number, (kind, _) in enumerate(records) if kind == _SST), None)
    if start is None:
        return []
    parts = [records[start][1][8:]]
    for kind, data in records[start + 1 :]:
        if kind != _CONTINUE:
            break
        parts.append(data)
    found: list[str] = []
    reader = _Parts(parts)
    while reader.more():
        found.append(reader.text())
    return found


class _Parts:
    """Reads on over the ends of records."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts = parts
        self._part = self._at = 0

    def more(self) -> bool:
        while self._part < len(self._parts) and self._at >= len(self._parts[self._part]):
            self._part, self._at = self._part + 1, 0
        return self._part < len(self._parts)

    def text(self) -> str:
        (count,) = struct.unpack("<H", self._bytes(2))
        (flags,) = self._bytes(1)
        runs = struct.unpack("<H", self._bytes(2))[0] if flags & 8 else 0
        extended = struct.unpack("<I", self._bytes(4))[0] if flags & 4 else 0
        letters, wide = [], bool(flags & 1)
        while count > 0:
            left = len(self._parts[self._part]) - self._at
            if left <= 0:
                if not self.more():
                    break
                wide = bool(self._bytes(1)[0] & 1)
                continue
            here = min(count, left // 2 if wide else left) or 1
            letters.append(_characters(self._bytes(here * 2 if wide else here), here, wide=wide))
            count -= here
        self._bytes(4 * runs + extended)
        return "".join(letters)

    def _bytes(self, count: int) -> bytes:
        found = b""
        while len(found) < count and self.more():
            some = self._parts[self._part][self._at : self._at + count - len(found)]
            self._at += len(some)
            found += some
        return found


def _characters(raw: bytes, count: int, *, wide: bool) -> str:
    return raw[: 2 * count].decode("utf-16-le", "replace") if wide else raw[:count].decode("latin-1")
