"""Windows event log files without records: their headers only, laid out as libyal's description says."""

import struct
import zlib
from collections.abc import Sequence

CHUNK = 65536


def evtx_file(spans: Sequence[tuple[int, int]], *, in_use: bool = False) -> bytes:
    """A chunk for each (first, last) record number."""
    head = bytearray(4096)
    struct.pack_into(
        "<8sQQQIHHHH", head, 0, b"ElfFile\0", 0, len(spans) - 1, spans[-1][1] + 1, 128, 1, 3, 4096, len(spans)
    )
    struct.pack_into("<I", head, 120, int(in_use))
    struct.pack_into("<I", head, 124, zlib.crc32(head[:120]))
    return bytes(head) + b"".join(_chunk(first, last) for first, last in spans)


def _chunk(first: int, last: int) -> bytes:
    chunk = bytearray(CHUNK)
    struct.pack_into("<8sQQQQIIII", chunk, 0, b"ElfChnk\0", first, last, first, last, 128, 512, 512, zlib.crc32(b""))
    struct.pack_into("<I", chunk, 124, zlib.crc32(chunk[128:512], zlib.crc32(chunk[:120])))
    return bytes(chunk)
