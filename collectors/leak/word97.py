"""Text of doc files, as Word wrote them until 2007.

Source: [MS-DOC] 2.4.1 (retrieving text), 2.5.1 (Fib), 2.9.73 (FcCompressed), 2.9.177 (Pcd).
"""

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from collectors.leak import notes
from collectors.leak.budget import Budget

if TYPE_CHECKING:
    from olefile import OleFileIO

_ENCRYPTED, _TABLE_1 = 0x0100, 0x0200
_FC_CLX = 0x01A2
_COMPRESSED = 1 << 30


def doc_text(document: "OleFileIO", raw: bytes, budget: Budget) -> str:
    """In pieces, which the piece table in another stream puts in order."""
    (flags,) = struct.unpack_from("<H", raw, 0x0A)
    if flags & _ENCRYPTED:
        budget.lock(notes.LOCKED)
        return ""
    table = document.openstream("1Table" if flags & _TABLE_1 else "0Table").read(budget.caps.nested_bytes)
    at, size = struct.unpack_from("<II", raw, _FC_CLX)
    return "".join(_pieces(raw, table[at : at + size]))


def _pieces(raw: bytes, clx: bytes) -> Iterator[str]:
    at = 0
    while clx[at] == 1:  # formatting comes first
        at += 3 + struct.unpack_from("<H", clx, at + 1)[0]
    (size,) = struct.unpack_from("<I", clx, at + 1)
    count = (size - 4) // 12
    ends = struct.unpack_from(f"<{count + 1}I", clx, at + 5)
    for number in range(count):
        (place,) = struct.unpack_from("<I", clx, at + 5 + 4 * (count + 1) + 8 * number + 2)
        length = ends[number + 1] - ends[number]
        if place & _COMPRESSED:
            start = (place & ~_COMPRESSED) // 2
            yield raw[start : start + length].decode("cp1252", "replace")
        else:
            yield raw[place : place + 2 * length].decode("utf-16-le", "replace")
