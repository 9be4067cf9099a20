"""JSON objects out of a byte stream: one a line, or one JSON array, or pretty-printed objects one after the other."""

import codecs
import io
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, TypeAlias

import orjson

from collectors.files.problems import Problems

MAX_LINE_BYTES = 16 * 1024 * 1024
"""A longer line is skipped and counted: no telemetry has one, and memory stays bounded."""

Peekable: TypeAlias = "io.BufferedReader[Any]"

_CHUNK = 256 * 1024
_SPACE = " \t\r\n,"
HEADING = re.compile(r"Record \d+\r?\n")
"""What evtx_dump writes before each record."""


def utf8_stream(stream: Peekable) -> BinaryIO:
    """`stream` as UTF-8 without a byte order mark; UTF-16 and UTF-32 are told by their mark or zero bytes."""
    head = stream.peek(4)[:4]
    encoding = ""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        encoding = "utf-32"
    elif head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif head.startswith(codecs.BOM_UTF8):
        stream.read(len(codecs.BOM_UTF8))
    elif len(head) >= 2 and head[1] == 0 and head[0] != 0:
        encoding = "utf-16-le"
    elif len(head) >= 2 and head[0] == 0 and head[1] != 0:
        encoding = "utf-16-be"
    return io.BufferedReader(_Recoder(stream, encoding), _CHUNK) if encoding else stream


class _Recoder(io.RawIOBase):
    """Reads another encoding, gives UTF-8; what cannot be decoded becomes U+FFFD."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            chunk = self._stream.read(_CHUNK)
            self._ready = self._decoder.decode(chunk, final=not chunk).encode("utf-8", "replace")
            if not chunk:
                break
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count


def objects_by_line(stream: BinaryIO, place: str, problems: Problems) -> Iterator[dict[str, Any]]:
    """The object of each line. Blank lines pass; anything else that is not one object is counted and noted."""
    number = 0
    while line := stream.readline(MAX_LINE_BYTES):
        number += 1
        if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            _skip_line(stream)
            problems.lost(f"{place} line {number}", f"longer than {MAX_LINE_BYTES >> 20} MiB")
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            if not line.strip(b" \t\r\n\x00"):
                continue
            value = _repair(line, f"{place} line {number}", problems)
            if value is None:
                continue
        if isinstance(value, dict):
            yield value
        else:
            problems.lost(f"{place} line {number}", "not a JSON object")


def _skip_line(stream: BinaryIO) -> None:
    while (rest := stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
        pass


def _repair(line: bytes, place: str, problems: Problems) -> Any:
    """The value of a line that orjson refuses: bytes that are not UTF-8, lone surrogates, NaN; else None, counted."""
    text = line.decode("utf-8", "replace")
    try:
        value = orjson.loads(
            _without_surrogates(json.loads(text.strip("\x00\ufeff \t\r\n"), parse_constant=_no_number))
        )
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else "not JSON"
        problems.lost(place, f"{reason} ({_short(text)})")
        return None
    problems.repaired += 1
    return value


def _no_number(_name: str) -> None:
    """NaN and Infinity are not JSON: they become null."""


def _without_surrogates(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _short(text: str) -> str:
    text = text.strip()
    return repr(text if len(text) <= 40 else text[:40] + "…")


def objects_in_text(stream: BinaryIO, place: str, problems: Problems) -> Iterator[dict[str, Any]]:
    """The objects of one JSON array, or of pretty-printed objects one after the other, without holding the file.

    After a fault the rest of the file cannot be told apart: it is reported as damaged.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="replace")
    decoder = json.JSONDecoder(parse_constant=_no_number)
    buffer, position, ended = "", 0, False
    opened = False
    while True:
        while position < len(buffer) and (buffer[position] in _SPACE or (buffer[position] == "[" and not opened)):
            opened = opened or buffer[position] == "["
            position += 1
        if (heading := HEADING.match(buffer, position)) is not None:
            position = heading.end()
            continue
        if position < len(buffer) and buffer[position] == "]":
            return
        try:
            if position == len(buffer):
                raise json.JSONDecodeError("more", "", 0)
            value, position = decoder.raw_decode(buffer, position)
        except (ValueError, RecursionError) as error:
            if ended or isinstance(error, RecursionError) or len(buffer) - position > MAX_LINE_BYTES:
                if buffer[position:].strip() or opened:
                    problems.broken(
                        place, f"the JSON text breaks off or is wrong at {_short(buffer[position : position + 60])}"
                    )
                return
            more = text.read(max(_CHUNK, len(buffer) - position))
            ended = not more
            buffer, position = buffer[position:] + more, 0
            continue
        if isinstance(value, dict):
            yield orjson.loads(_without_surrogates(value))
        else:
            problems.lost(place, "an element of the array is not a JSON object")
