"""Text of HWP 5 documents (Hancom Office), which are OLE compound files.

Source: Hancom, "한글 문서 파일 형식 5.0" revision 1.3: FileHeader, 3.2.3 BodyText, 4.1 data records, 4.3.2 paragraph
text. The product of a company's public documentation of its format.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from collectors.leak import notes
from collectors.leak.budget import Budget

if TYPE_CHECKING:
    from olefile import OleFileIO

SIGNATURE = b"HWP Document File"
PARA_TEXT = 0x10 + 51
_COMPRESSED, _PASSWORD, _DISTRIBUTION = 1, 2, 4
_LONG = 0xFFF
_ALONE = {0, 10, 13, *range(24, 32)}
"""Control characters that stand for one character; the others below 32 take eight."""


def hwp_text(document: "OleFileIO", budget: Budget) -> str:
    """The words; none when this OLE file is no HWP document. Raises Exhausted, OSError (damaged)."""
    if not document.exists("FileHeader"):
        return ""
    header = document.openstream("FileHeader").read(40)
    if not header.startswith(SIGNATURE) or len(header) < 40:
        return ""
    flags = struct.unpack_from("<I", header, 36)[0]
    if flags & (_PASSWORD | _DISTRIBUTION):
        budget.lock(notes.LOCKED)
        return ""
    names = [name for name in document.listdir() if name[0] == "BodyText"]
    names.sort(key=lambda name: (len(name[-1]), name[-1]))
    sections = (document.openstream(name).read() for name in names)
    return " ".join(_section(raw, bool(flags & _COMPRESSED), budget) for raw in sections)


def _section(raw: bytes, compressed: bool, budget: Budget) -> str:
    if compressed:
        raw = zlib.decompressobj(-15).decompress(raw, budget.caps.characters * 2)
    budget.unpack(len(raw))
    return " ".join(_text(payload) for tag, payload in records(raw) if tag == PARA_TEXT)


def records(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, payload) of each data record; a cut last one is left out."""
    at = 0
    while at + 4 <= len(raw):
        head = struct.unpack_from("<I", raw, at)[0]
        tag, size = head & 0x3FF, head >> 20
        at += 4
        if size == _LONG:
            if at + 4 > len(raw):
                return
            size = struct.unpack_from("<I", raw, at)[0]
            at += 4
        yield tag, raw[at : at + size]
        at += size


def _text(payload: bytes) -> str:
    units = struct.unpack(f"<{len(payload) // 2}H", payload[: len(payload) // 2 * 2])
    kept = bytearray()
    at = 0
    while at < len(units):
        unit = units[at]
        if unit >= 32:
            kept += struct.pack("<H", unit)
            at += 1
        else:
            kept += b" \0"
            at += 1 if unit in _ALONE else 8
    return kept.decode("utf-16-le", "ignore")
