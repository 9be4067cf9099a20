"""The header of a Windows event log file (libyal, "Windows XML Event Log (EVTX) format"), and another one in its place.

One flipped bit in a header makes parsers refuse the file, although everything that was logged lies behind it.
"""

import io
import os
import struct
import zlib
from pathlib import Path
from typing import IO

HEADER, CHUNK = 4096, 65536
MAGIC, CHUNK_MAGIC = b"ElfFile\x00", b"ElfChnk\x00"


def is_log(head: bytes) -> bool:
    """By its first bytes, or by the first chunk behind them."""
    return head.startswith(MAGIC) or head[HEADER : HEADER + len(CHUNK_MAGIC)] == CHUNK_MAGIC


class Reheaded(io.RawIOBase):
    """The bytes of `file` behind a header that parsers take: it states as many chunks as there is room for."""

    def __init__(self, file: IO[bytes]) -> None:
        size = file.seek(0, os.SEEK_END)
        self._file = file
        self._header = _header(max((size - HEADER) // CHUNK, 0))
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._at = self._file.seek(offset, whence) if whence == os.SEEK_END else offset + whence * self._at
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, into: "memoryview | bytearray", /) -> int:  # type: ignore[override]  # what RawIOBase hands in
        if self._at < HEADER:
            some = self._header[self._at : self._at + len(into)]
        else:
            self._file.seek(self._at)
            some = self._file.read(len(into))
        into[: len(some)] = some
        self._at += len(some)
        return len(some)


def reheaded(source: Path | IO[bytes]) -> IO[bytes]:
    """Open until the caller closes it, where `source` is a path."""
    return io.BufferedReader(Reheaded(source.open("rb") if isinstance(source, Path) else source), CHUNK)


def _header(chunks: int) -> bytes:
    head = bytearray(HEADER)
    count = min(chunks, 0xFFFF)
    struct.pack_into("<8sQQQIHHHH", head, 0, MAGIC, 0, max(count - 1, 0), 0, 128, 1, 3, HEADER, count)
    struct.pack_into("<I", head, 124, zlib.crc32(head[:120]))
    return bytes(head)
