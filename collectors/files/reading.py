"""One road from any file to canonical events."""

import io
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from collectors.files.archives import DAMAGE, Counted, members, open_gzip, seekable
from collectors.files.captures import capture_events
from collectors.files.classify import classify, stated_logsource
from collectors.files.evtx import evtx_records
from collectors.files.exports import unpacked
from collectors.files.formats import HEAD_BYTES, Format, format_of, log_kind
from collectors.files.inputs import open_file
from collectors.files.lines import Peekable, objects_by_line, objects_in_text, utf8_stream
from collectors.files.logs import log_events
from collectors.files.problems import Problems
from collectors.files.times import event_stamp
from collectors.files.wrapped import event_in, unwrapped
from collectors.logs.objects import LogObjects
from collectors.logs.port import Reading
from collectors.logs.telling import keeps_its_own
from collectors.logs.windows_audit import in_sysmons_words
from collectors.logs.windows_message import read_message
from collectors.logs.windows_record import flatten
from collectors.source_event import SourceEvent
from collectors.stamps import stamp_of
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import UNKNOWN, LogSource
from jikimi.errors import Misconfigured


class _Found(NamedTuple):
    """An object as the file gave it, and the log source that the file states for it.

    `exact`: the log source is more exact than the one the whole file was said to be of.
    """

    raw: Event
    logsource: LogSource | None
    exact: bool = False


@dataclass(frozen=True, slots=True)
class _File:
    """What is known of the whole file, wherever in it a stream begins."""

    logsource: LogSource | None
    modified: datetime
    problems: Problems


def check_file(path: Path, logsource: LogSource | None = None) -> Format | None:
    """The format of `path`, before anything is read; None for a pipe, which can be read only once.

    Raises Misconfigured with one sentence when it cannot be read.
    """
    if _is_pipe(path):
        return None
    with open_file(path) as stream:
        return format_of(stream.read(HEAD_BYTES), str(path), logsource)


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
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        last = stamp_of(modified)
        stream = io.BufferedReader(Counted(file, progress), HEAD_BYTES)
        whole = _File(logsource, modified, problems)
        for raw, stated, exact in _objects(stream, path if file.seekable() else None, str(path), whole, depth=0):
            event = flatten(unpacked(raw))
            read_message(event)
            in_sysmons_words(event)
            stamp = event_stamp(event)
            if stamp is None:
                problems.without_time += 1
            else:
                last = stamp
            event[TIMESTAMP] = last
            source = stated if exact else logsource or stated
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


def _objects(stream: Peekable, path: Path | None, place: str, whole: _File, *, depth: int) -> Iterator[_Found]:
    """What `stream` holds; `path` is the plain file behind it, when there is one."""
    problems = whole.problems
    kind = format_of(stream.peek(HEAD_BYTES)[:HEAD_BYTES], place, whole.logsource)
    if kind is Format.EMPTY:
        problems.note(f"{place}: empty")
    elif kind is Format.LOG:
        yield from _log(stream, place, whole)
    elif kind is Format.LINES:
        yield from _told(objects_by_line(utf8_stream(stream), place, problems), place, whole)
    elif kind is Format.TEXT:
        yield from _told(objects_in_text(utf8_stream(stream), place, problems), place, whole)
    elif kind is Format.EVTX:
        with seekable(stream, path) as file:
            yield from (_Found(record, None) for record in evtx_records(file, place, problems))
    elif depth > 1 or (kind is Format.ZIP and depth > 0):
        raise Misconfigured(f"{place}: an archive within an archive; unpack it first")
    elif kind is Format.GZIP:
        yield from _contained(open_gzip(stream, place), place, whole, depth + 1)
    elif kind is Format.ZIP:
        yield from _zip(stream, path, place, whole, depth)
    else:
        yield from (_Found(event, source) for source, event in capture_events(stream, place, problems))


def _log(stream: Peekable, place: str, whole: _File) -> Iterator[_Found]:
    """A text log; an event's own log source stands where it says what was stated more exactly."""
    kind = log_kind(stream.peek(HEAD_BYTES)[:HEAD_BYTES], whole.logsource)
    if kind is None:
        raise Misconfigured(f"{place}: its lines are in no form that is known")
    exact = whole.logsource is not None and keeps_its_own(kind, whole.logsource)
    for source, event in log_events(utf8_stream(stream), kind, place, whole.modified, whole.problems):
        yield _Found(event, None if source == UNKNOWN else source, exact)


def _told(objects: Iterator[dict[str, Any]], place: str, whole: _File) -> Iterator[_Found]:
    """JSON objects; those of logs whose fields say what they are as those logs' events."""
    logs = LogObjects(Reading(lambda: whole.modified, lambda reason: whole.problems.lost(place, reason)))
    for one in _stated(unwrapped(objects), place, whole.problems):
        events = logs.take(one.raw) if one.logsource is None and whole.logsource is None else ()
        if events:
            yield from (_Found(event, source) for source, event in events)
        elif (inside := event_in(one.raw)) is not None:
            yield _Found(inside.event, one.logsource or inside.logsource)
        else:
            yield one
    yield from (_Found(event, source) for source, event in logs.flush())


def _contained(stream: Peekable, place: str, whole: _File, depth: int) -> Iterator[_Found]:
    """Packed content; where the packing is damaged, what came before it has been delivered."""
    try:
        yield from _objects(stream, None, place, whole, depth=depth)
    except DAMAGE as error:
        whole.problems.broken(place, f"damaged, its rest cannot be unpacked ({error})")


def _zip(stream: Peekable, path: Path | None, place: str, whole: _File, depth: int) -> Iterator[_Found]:
    problems = whole.problems
    with seekable(stream, path) as archive:
        found, refusals = 0, []
        for inner, content in members(archive, place, problems):
            try:
                yield from _contained(content, inner, whole, depth + 1)
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
