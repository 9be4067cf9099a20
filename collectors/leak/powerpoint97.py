"""Text of ppt files, as PowerPoint wrote them until 2007.

Source: [MS-PPT] 2.3.1 (RecordHeader), 2.3.2 (CurrentUserAtom), 2.9.41 to 2.9.43 (text atoms).
"""

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from collectors.leak import notes
from collectors.leak.budget import Budget

if TYPE_CHECKING:
    from olefile import OleFileIO

_TEXT_CHARS, _TEXT_BYTES, _CSTRING = 4000, 4008, 4026
_ENCRYPTED_USER = 0xF3D1C4DF


def ppt_text(document: "OleFileIO", raw: bytes, budget: Budget) -> str:
    """Of all slides and notes, in the order they lie."""
    user = document.openstream("Current User").read(20) if document.exists("Current User") else b""
    if user[12:16] == struct.pack("<I", _ENCRYPTED_USER):
        budget.lock(notes.LOCKED)
        return ""
    return " ".join(_texts(raw))


def _texts(raw: bytes) -> Iterator[str]:
    """Containers are gone into, of atoms only texts are read."""
    at = 0
    while at + 8 <= len(raw):
        version, kind, size = struct.unpack_from("<HHI", raw, at)
        at += 8
        if version & 0xF == 0xF:
            continue
        if kind in (_TEXT_CHARS, _CSTRING):
            yield raw[at : at + size].decode("utf-16-le", "replace")
        elif kind == _TEXT_BYTES:
            yield raw[at : at + size].decode("latin-1")
        at += size
