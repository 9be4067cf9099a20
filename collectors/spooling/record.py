"""A batch as one record of the log, with a checksum: a disk may give back other bytes than it was given."""

import zlib
from collections.abc import Mapping

import orjson

from jikimi.domain.event import EventBatch, decode_envelope, encode_envelope
from jikimi.errors import Damaged, Poison
from jikimi.stream.port import NewRecord

_CHECK, _NOTES = "check", "notes"


def record_of(batch: EventBatch, notes: Mapping[str, str]) -> NewRecord:
    """`notes`: what the same commit notes, for the case that the log's own notes are damaged."""
    envelope, noted = encode_envelope(batch.envelope), orjson.dumps(notes) if notes else b""
    headers = {"envelope": envelope, _CHECK: _sum(envelope, noted, batch.block)}
    return NewRecord(b"", batch.block, {**headers, _NOTES: noted} if noted else headers)


def notes_of(headers: Mapping[str, bytes]) -> dict[str, str]:
    """Of a record that `batch_of` found sound."""
    return dict(orjson.loads(headers[_NOTES])) if _NOTES in headers else {}


def batch_of(headers: Mapping[str, bytes], block: bytes) -> EventBatch:
    """Raises Damaged when it is not what was written. Earlier versions wrote no checksum: there the lines count."""
    envelope = headers.get("envelope", b"")
    if _CHECK in headers and headers[_CHECK] != _sum(envelope, headers.get(_NOTES, b""), block):
        raise Damaged("a batch is not what was written (its checksum differs)")
    try:
        batch = EventBatch(decode_envelope(envelope), block)
    except Poison as error:
        raise Damaged(f"a batch is not what was written ({error})") from error
    if _CHECK not in headers and block.count(b"\n") != batch.envelope.count:
        raise Damaged("a batch is not what was written (events are missing)")
    return batch


def _sum(envelope: bytes, notes: bytes, block: bytes) -> bytes:
    return zlib.crc32(block, zlib.crc32(notes, zlib.crc32(envelope))).to_bytes(4, "big")
