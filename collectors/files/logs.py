"""Text logs out of a byte stream, line by line, in constant memory."""

from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO

from collectors.files.problems import Problems
from collectors.logs import event_xml
from collectors.logs.event_xml import EventXml
from collectors.logs.port import Reading
from collectors.logs.telling import Kind
from collectors.source_event import SourceEvent

MAX_LINE_BYTES = 64 * 1024
"""A longer line is skipped and counted: no program writes one, and the expressions that read lines stay bounded."""


def log_events(
    stream: BinaryIO, kind: Kind, place: str, modified: datetime, problems: Problems
) -> Iterator[SourceEvent]:
    """The events of a log in the format `kind`. `modified` is when the file was last written.

    Lines without a year are not later.
    """
    number = 0
    log = kind.open(Reading(lambda: modified, lambda reason: problems.lost(f"{place} line {number}", reason)))
    pieces = _elements(stream) if kind.open is EventXml else iter(lambda: stream.readline(MAX_LINE_BYTES), b"")
    for raw in pieces:
        number += 1
        if len(raw) == MAX_LINE_BYTES and not raw.endswith(b"\n"):
            while (rest := stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            problems.lost(f"{place} line {number}", f"longer than {MAX_LINE_BYTES >> 10} KiB")
            continue
        yield from log.feed(_decoded(raw, problems))
    yield from log.flush()


def _elements(stream: BinaryIO) -> Iterator[bytes]:
    """XML cut behind each event: exports have no line ends, or have them anywhere."""
    end = event_xml.END.encode()
    held = b""
    while chunk := stream.read(MAX_LINE_BYTES):
        *whole, held = (held + chunk).split(end)
        yield from (part + end + b"\n" for part in whole)
        if len(held) > event_xml.MAX_EVENT_CHARACTERS:
            yield held + b"\n"
            held = b""
    if held.strip():
        yield held + b"\n"


def _decoded(raw: bytes, problems: Problems) -> str:
    raw = raw.strip(b"\r\n\x00")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        problems.repaired += 1
        return raw.decode("utf-8", "replace")
