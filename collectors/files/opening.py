"""Captures wherever they lie: plain, gzipped, in a zip, or coming through a pipe."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from collectors.files.archives import Counted, members, open_gzip, seekable
from collectors.files.formats import HEAD_BYTES, Format, format_of
from collectors.files.inputs import open_file
from collectors.files.lines import Peekable
from collectors.files.problems import Problems
from jikimi.errors import Misconfigured

Capture = tuple[str, Peekable]
"""Where it is from, for people, and its bytes."""

_CAPTURES = (Format.PCAP, Format.PCAPNG)


def captures_in(
    path: Path, problems: Problems, *, stdin: IO[bytes] | None = None, progress: Callable[[int], None] | None = None
) -> Iterator[Capture]:
    """The captures of `path`, each to be read before the next; `stdin` is read instead where it is given.

    An empty file is noted. Raises Misconfigured for a file that cannot be opened or holds no capture.
    """
    with stdin or open_file(path) as file:
        place = "stdin" if stdin else str(path)
        stream = io.BufferedReader(Counted(file, progress), HEAD_BYTES)
        plain = path if not stdin and file.seekable() else None
        kind = _kind(stream, place, problems)
        if kind is Format.ZIP:
            with seekable(stream, plain) as whole:
                yield from _of_zip(whole, place, problems)
        elif kind is Format.GZIP:
            inner = open_gzip(stream, place)
            if _kind(inner, place, problems) is not Format.EMPTY:
                yield _capture(inner, place, problems)
        elif kind is not Format.EMPTY:
            yield _capture(stream, place, problems)


def _of_zip(whole: IO[bytes], place: str, problems: Problems) -> Iterator[Capture]:
    found, refusals = 0, []
    for inner, content in members(whole, place, problems):
        try:
            capture = _capture(content, inner, problems)
        except Misconfigured as refusal:
            refusals.append(str(refusal))
            continue
        found += 1
        yield capture
    if refusals and not found:
        raise Misconfigured(refusals[0])
    for sentence in refusals:
        problems.note(sentence)


def _capture(stream: Peekable, place: str, problems: Problems) -> Capture:
    if _kind(stream, place, problems) not in _CAPTURES:
        raise Misconfigured(f"{place}: not a packet capture (.pcap or .pcapng, also inside .gz and .zip)")
    return place, stream


def _kind(stream: Peekable, place: str, problems: Problems) -> Format | None:
    """The format; None for what no reader of ours knows. An archive that is damaged at once counts as empty."""
    try:
        head = stream.peek(HEAD_BYTES)[:HEAD_BYTES]
    except (OSError, EOFError) as error:
        problems.broken(place, f"damaged, nothing of it can be unpacked ({error})")
        return Format.EMPTY
    try:
        kind = format_of(head, place)
    except Misconfigured:
        return None
    if kind is Format.EMPTY and not head:
        problems.note(f"{place}: empty")
    return kind
