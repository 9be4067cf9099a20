"""The body of an upload, taken apart: one envelope line, then one event a line. Pure; no clock, no database.

A bad event never costs its neighbours. It is left out, its sequence number stays its own, and what remains is stored as
contiguous runs (docs/adr/0004).
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import zstandard

from api.canonical import canonical_event
from api.errors import ApiError
from jikimi.domain.event import Envelope, EventBatch, block_of, decode_envelope
from jikimi.errors import Poison

MAX_ENVELOPE_BYTES = 4096
MAX_WINDOW_BYTES = 8 << 20
"""What a decoder should be ready to give (RFC 8878, 3.1.1.1.2)."""

LAST_NUMBER = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 8259, 6)."""

_EPOCH = re.compile(r"[A-Za-z0-9_:-]{1,64}", re.ASCII)
_MAX_LOGSOURCE = 128


class Rejected(NamedTuple):
    """An event that cannot be: its sequence number, its bytes, and why."""

    seq: int
    raw: bytes
    reason: str


class Upload(msgspec.Struct, frozen=True):
    """A checked upload. `lines[i]` is event `first_seq + i` in canonical bytes, None where it was rejected.

    `block` is the body's own bytes after the envelope when every line was canonical already, so that the usual batch is
    stored without a copy.
    """

    envelope: Envelope
    lines: Sequence[bytes | None]
    rejected: Sequence[Rejected]
    block: bytes | None
    size: int


def decompressed(body: bytes, limit: int) -> bytes:
    """The one zstd frame in `body` (RFC 8878). Never makes more than `limit` bytes: 413; not one whole frame: 400."""
    try:
        frame = zstandard.get_frame_parameters(body)
        known = frame.content_size != zstandard.CONTENTSIZE_UNKNOWN
        if known and frame.content_size > limit:
            raise _too_large(limit)
        if frame.window_size > MAX_WINDOW_BYTES:
            raise ApiError(413, "too_large", f"the zstd frame asks for a window above {MAX_WINDOW_BYTES} bytes")
        return zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES).decompress(
            body, max_output_size=limit, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        if _overflows(body, limit):
            raise _too_large(limit) from error
        raise _malformed(f"the body is not one whole zstd frame: {error}") from error


def _overflows(body: bytes, limit: int) -> bool:
    """Whether a frame that does not state its size holds more than `limit`; makes at most one byte more."""
    try:
        with zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES).stream_reader(body) as reader:
            return len(reader.read(limit + 1)) > limit
    except zstandard.ZstdError:
        return False


def parse(body: bytes, *, max_events: int) -> Upload:
    """Raises ApiError 400 when the body as a whole is not a batch, 413 when it has too many events."""
    head, newline, block = body.partition(b"\n")
    if not newline and not head:
        raise _malformed("the body is empty; its first line must be the batch envelope")
    envelope = _envelope(head)
    if envelope.count > max_events:
        raise ApiError(413, "too_large", f"the batch has {envelope.count} events, more than {max_events}")
    raw_lines = block.split(b"\n") if block else []
    if raw_lines and not raw_lines[-1]:
        raw_lines.pop()
    if len(raw_lines) != envelope.count:
        raise _malformed(f"the envelope says {envelope.count} events but {len(raw_lines)} lines follow it")
    lines: list[bytes | None] = []
    rejected: list[Rejected] = []
    as_sent = block.endswith(b"\n")
    for seq, raw in enumerate(raw_lines, envelope.first_seq):
        try:
            line = canonical_event(raw)
        except Poison as poison:
            rejected.append(Rejected(seq, raw, str(poison)))
            lines.append(None)
            continue
        as_sent = as_sent and line is raw
        lines.append(line)
    return Upload(envelope, lines, rejected, block if as_sent and not rejected else None, len(body))


def batches_after(upload: Upload, mark: int, stamped: Envelope) -> list[EventBatch]:
    """What of `upload` lies beyond `mark`, as contiguous runs of good events under `stamped`'s words."""
    first = upload.envelope.first_seq
    if upload.block is not None and first > mark:
        return [EventBatch(stamped, upload.block)] if upload.lines else []
    runs: list[tuple[int, list[bytes]]] = []
    last_good = -2
    for seq, line in enumerate(upload.lines, first):
        if line is None or seq <= mark:
            continue
        if seq != last_good + 1 or not runs:
            runs.append((seq, []))
        runs[-1][1].append(line)
        last_good = seq
    return [
        EventBatch(msgspec.structs.replace(stamped, first_seq=seq, count=len(lines)), block_of(lines))
        for seq, lines in runs
    ]


def _envelope(head: bytes) -> Envelope:
    if len(head) > MAX_ENVELOPE_BYTES:
        raise _malformed(f"the first line must be the batch envelope, at most {MAX_ENVELOPE_BYTES} bytes")
    try:
        envelope = decode_envelope(head)
    except Poison as error:
        raise _malformed(f"the first line is {error}") from error
    if not _EPOCH.fullmatch(envelope.epoch):
        raise _malformed("epoch must be 1 to 64 letters, digits, '_', ':' or '-'")
    if envelope.count < 0 or envelope.first_seq < 0 or envelope.last_seq > LAST_NUMBER:
        raise _malformed(f"first_seq and count must not be negative, and no sequence number above {LAST_NUMBER}")
    source = envelope.logsource
    if any(len(part or "") > _MAX_LOGSOURCE for part in (source.product, source.category, source.service)):
        raise _malformed(f"logsource: product, category and service have at most {_MAX_LOGSOURCE} characters each")
    return envelope


def _malformed(sentence: str) -> ApiError:
    return ApiError(400, "malformed", sentence)


def _too_large(limit: int) -> ApiError:
    return ApiError(413, "too_large", f"the batch is larger than {limit} bytes when decompressed")
