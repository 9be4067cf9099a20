"""One road from any file to canonical events."""

import io
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from collectors.files.archives import DAMAGE, Counted, members, open_gzip, seekable
from collectors.files.captures import capture_events
from collectors.files.classify import classify, stated_logsource
from collectors.files.evtx import evtx_records
from collectors.files.formats import HEAD_BYTES, Format, format_of
from collectors.files.inputs import open_file
from collectors.files.lines import Peekable, objects_by_line, objects_in_text, utf8_stream
from collectors.files.problems import Problems
from collectors.files.times import event_stamp, stamp_of
from collectors.files.windows import flatten
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import UNKNOWN, LogSource
from jikimi.errors import Misconfigured


class SourceEvent(NamedTuple):
    """A canonical event (it carries `@timestamp`) and its log source."""

    logsource: LogSource
    event: Event


class _Found(NamedTuple):
    """An object as the file gave it, and the log source that the file states for it."""

    raw: Event
    logsource: LogSource | None


def check_file(path: Path) -> Format | None:
    """The format of `path`, before anything is read; None for a pipe, which can be read only once.

    Raises Misconfigured with one sentence when it cannot be read.
    """
    if _is_pipe(path):
        return None
    with open_file(path) as stream:
        return format_of(stream.read(HEAD_BYTES), str(path))


def read_events(
    path: Path,
    *,
    logsource: LogSource | None = None,
    problems: Problems,
    progress: Callable[[int], None] | None = None,
) -> Iterator[SourceEvent]:
    """The events of `path` in file order; `problems` counts what could not be read.

    The log source of an event is the first of: `logsource`, an envelope line before it or its own `logsource` key,
    its Windows channel and event id, the shape of our own events, UNKNOWN (counted). Its time is the first readable
    of times.TIME_FIELDS; an event without one gets that of the event before it, the first ones the file's
    modification time (counted). `progress` is told how many bytes of the file were taken since the last call.

    Raises Misconfigured for a file that is missing, of no known format, encrypted, or refused as a bomb.
    """
    with open_file(path) as file:
        last = stamp_of(datetime.fromtimestamp(path.stat().st_mtime, UTC))
        stream = io.BufferedReader(Counted(file, progress), HEAD_BYTES)
        for raw, stated in _objects(stream, path if file.seekable() else None, str(path), problems, depth=0):
            event = flatten(raw)
            stamp = event_stamp(event)
            if stamp is None:
                problems.without_time += 1
            else:
                last = stamp
            event[TIMESTAMP] = last
            source = logsource or stated
            if source is None:
                source = classify(event)
                if source == UNKNOWN:
                    problems.unclassified += 1
            yield SourceEvent(source, event)


def _is_pipe(path: Path) -> bool:
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except OSError:
        return False  # opening it tells the reason


def _objects(stream: Peekable, path: Path | None, place: str, problems: Problems, *, depth: int) -> Iterator[_Found]:
    """What `stream` holds; `path` is the plain file behind it, when there is one."""
    kind = format_of(stream.peek(HEAD_BYTES)[:HEAD_BYTES], place)
    if kind is Format.EMPTY:
        problems.note(f"{place}: empty")
    elif kind is Format.LINES:
        yield from _stated(objects_by_line(utf8_stream(stream), place, problems), place, problems)
    elif kind is Format.TEXT:
        yield from _stated(objects_in_text(utf8_stream(stream), place, problems), place, problems)
    elif kind is Format.EVTX:
        with seekable(stream, path) as whole:
            yield from (_Found(record, None) for record in evtx_records(whole, place, problems))
    elif depth > 1 or (kind is Format.ZIP and depth > 0):
        raise Misconfigured(f"{place}: an archive within an archive; unpack it first")
    elif kind is Format.GZIP:
        yield from _contained(open_gzip(stream, place), place, problems, depth + 1)
    elif kind is Format.ZIP:
        yield from _zip(stream, path, place, problems, depth)
    else:
        yield from (_Found(event, source) for source, event in capture_events(stream, place, problems))


def _contained(stream: Peekable, place: str, problems: Problems, depth: int) -> Iterator[_Found]:
    """Packed content; where the packing is damaged, what came before it has been delivered."""
    try:
        yield from _objects(stream, None, place, problems, depth=depth)
    except DAMAGE as error:
        problems.broken(place, f"damaged, its rest cannot be unpacked ({error})")


def _zip(stream: Peekable, path: Path | None, place: str, problems: Problems, depth: int) -> Iterator[_Found]:
    with seekable(stream, path) as whole:
        found, refusals = 0, []
        for inner, content in members(whole, place, problems):
            try:
                yield from _contained(content, inner, problems, depth + 1)
                found += 1
            except Misconfigured as refusal:
                refusals.append(str(refusal))
    if refusals and not found:
        raise Misconfigured(refusals[0])
    for sentence in refusals:
        problems.damaged += 1
        problems.note(sentence)


def _stated(objects: Iterator[dict[str, Any]], place: str, problems: Problems) -> Iterator[_Found]:
    """Objects with the log source the file states: by an envelope line, a `logsource` key, or a sample's `events`."""
    stated: LogSource | None = None
    for value in objects:
        source = stated_logsource(value.get("logsource"))
        if source is None:
            yield _Found(value, stated)
        elif "first_seq" in value and "count" in value:
            stated = source
        elif isinstance(value.get("events"), list):
            for event in value["events"]:
                if isinstance(event, dict):
                    yield _Found(event, source)
                else:
                    problems.lost(place, "a sample's event is not a JSON object")
        elif isinstance(value.get("event"), dict):
            yield _Found(value["event"], source)
        else:
            del value["logsource"]
            yield _Found(value, source)
