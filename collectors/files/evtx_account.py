"""What a Windows event log file says of itself: how many records it should hold, which of its chunks are damaged.

libyal's "Windows XML Event Log (EVTX) format", file header and chunk header. Records are numbered without a hole, so
what unreadable chunks held is known by the numbers their neighbours leave out.
"""

import itertools
import struct
import zlib
from collections.abc import Sequence
from typing import IO, NamedTuple

from collectors.files.evtx_header import CHUNK as _CHUNK
from collectors.files.evtx_header import CHUNK_MAGIC, MAGIC
from collectors.files.evtx_header import HEADER as _HEADER
from jikimi.errors import Misconfigured

_CHUNK_HEADER, _SMALLEST_RECORD = 512, 24
_IN_USE = 1  # a log copied while Windows wrote to it: its last checksums are older than its content


class Account(NamedTuple):
    """`records` counts those of damaged and missing chunks too, as far as numbers tell them."""

    records: int
    damaged_chunks: int
    missing_chunks: int
    altered_chunks: int
    """Chunks that are read although their content is not what its checksum says."""
    uncounted_chunks: int
    """Chunks whose records nothing in the file tells the number of."""


class _Head(NamedTuple):
    oldest_chunk: int
    next_record: int
    chunks: int
    in_use: bool


_UNKNOWN = _Head(oldest_chunk=1, next_record=0, chunks=0, in_use=False)
"""Of a header that is not what its checksum says: it counts nothing."""


class _Span(NamedTuple):
    """First and last record of a chunk."""

    first: int
    last: int

    @property
    def plausible(self) -> bool:
        return 0 < self.first <= self.last < self.first + _CHUNK // _SMALLEST_RECORD


def account_of(file: IO[bytes], place: str) -> Account:
    """Reads the file to its end, wherever it stands. Raises Misconfigured when its header is none of a log."""
    head = _head(file, place)
    spans: list[_Span] = []
    damaged = altered = untold = whole = 0
    file.seek(_HEADER)
    for number in itertools.count():
        chunk = file.read(_CHUNK)
        if len(chunk) < _CHUNK_HEADER:
            break
        whole += len(chunk) == _CHUNK
        if not chunk.startswith(CHUNK_MAGIC):
            # What lies behind the chunks in use is room that was never written to.
            damaged += number < head.chunks or any(chunk[:_SMALLEST_RECORD])
            continue
        header_is_sound = head.in_use or _header_sum(chunk) == struct.unpack_from("<I", chunk, 124)[0]
        altered += not (head.in_use or (header_is_sound and _records_are_sound(chunk)))
        if header_is_sound and (span := _Span(*struct.unpack_from("<QQ", chunk, 8))).plausible:
            spans.append(span)
        else:
            untold += 1
    missing = max(head.chunks - whole, 0)
    records = sum(span.last - span.first + 1 for span in spans)
    left_out = _left_out(sorted(spans), head)
    unknown = damaged + missing + untold
    if not 0 < left_out <= unknown * (_CHUNK // _SMALLEST_RECORD):
        return Account(records, damaged, missing, altered, unknown)
    return Account(records + left_out, damaged, missing, altered, 0)


def is_sound(head: bytes) -> bool:
    """What parsers ask of a header; its checksum is not among it."""
    return len(head) >= 128 and head.startswith(MAGIC) and struct.unpack_from("<HH", head, 38) == (3, _HEADER)


def _header_sum(chunk: bytes) -> int:
    return zlib.crc32(chunk[128:_CHUNK_HEADER], zlib.crc32(chunk[:120]))


def _records_are_sound(chunk: bytes) -> bool:
    free, expected = struct.unpack_from("<II", chunk, 48)
    return zlib.crc32(chunk[_CHUNK_HEADER:free]) == int(expected)


def _head(file: IO[bytes], place: str) -> _Head:
    file.seek(0)
    head = file.read(_HEADER + len(CHUNK_MAGIC))
    if not is_sound(head):
        if head[_HEADER:] != CHUNK_MAGIC:
            raise Misconfigured(f"{place}: damaged, its header is not that of a Windows event log")
        return _UNKNOWN
    if struct.unpack_from("<I", head, 124)[0] != zlib.crc32(head[:120]):
        return _UNKNOWN
    oldest, _, next_record = struct.unpack_from("<QQQ", head, 8)
    (chunks,), (flags,) = struct.unpack_from("<H", head, 42), struct.unpack_from("<I", head, 120)
    return _Head(oldest, next_record, chunks, bool(flags & _IN_USE))


def _left_out(spans: Sequence[_Span], head: _Head) -> int:
    """Records between, after and, where the log never went round, before `spans`."""
    before = 0 if head.oldest_chunk == 0 or not spans else spans[0].first - 1
    ends = [before, *(span.last for span in spans)]
    starts = [*(span.first for span in spans), head.next_record]
    return sum(max(start - end - 1, 0) for end, start in zip(ends, starts, strict=True))
