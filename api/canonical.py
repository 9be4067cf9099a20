"""One line of an upload becomes the canonical bytes of one event, or a reason why it cannot.

Canonical is what `orjson.dumps` writes: UTF-8, no needless escapes, no spaces, `@timestamp` in UTC ending in Z. Lines
that come canonical are stored byte for byte; others are re-encoded here, once.
"""

import re
from datetime import UTC, datetime
from typing import Any

import orjson

from jikimi.domain.event import MAX_EVENT_BYTES, TIMESTAMP, format_time
from jikimi.errors import Poison

MAX_DEPTH = 16
"""Containers inside containers, the event itself being the first."""

YEARS = range(1970, 2200)
"""What every store behind the log can hold (ClickHouse DateTime64 ends in 2299)."""

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)


def canonical_event(line: bytes) -> bytes:
    """Canonical bytes of the event on `line`. Raises Poison with the reason when there is none."""
    if len(line) > MAX_EVENT_BYTES:
        raise Poison(f"the event has {len(line)} bytes, more than {MAX_EVENT_BYTES}")
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise Poison("the line is empty" if not line.strip() else f"not JSON: {error}") from error
    if not isinstance(event, dict):
        raise Poison(f"not a JSON object but {_kind(event)}")
    stamp = event.get(TIMESTAMP)
    written = _utc(stamp)
    if written != stamp:
        event[TIMESTAMP] = written
    # A flat event has one opening bracket outside its strings: only what may nest is walked.
    if line.count(b"{") + line.count(b"[") > 1 and deeper_than(event, MAX_DEPTH):
        raise Poison(f"nested deeper than {MAX_DEPTH} levels")
    encoded = orjson.dumps(event)
    if len(encoded) > MAX_EVENT_BYTES:
        raise Poison(f"the event has {len(encoded)} canonical bytes, more than {MAX_EVENT_BYTES}")
    return line if encoded == line else encoded


def _utc(stamp: object) -> str:
    """`stamp` itself when it is RFC 3339 in UTC ending in Z, else the same moment written so."""
    if stamp is None:
        raise Poison(f"no {TIMESTAMP}")
    if not isinstance(stamp, str) or not _RFC3339.fullmatch(stamp):
        raise Poison(f"{TIMESTAMP} is not an RFC 3339 time")
    try:
        moment = datetime.fromisoformat(stamp.upper())
        if moment.year not in YEARS or moment.astimezone(UTC).year not in YEARS:
            raise Poison(f"{TIMESTAMP} lies outside the years {YEARS.start} to {YEARS.stop - 1}")
    except (ValueError, OverflowError) as error:
        raise Poison(f"{TIMESTAMP} is not a time: {error}") from error
    return stamp if stamp.endswith("Z") and stamp[10] == "T" else format_time(moment)


def deeper_than(value: Any, levels: int) -> bool:
    """Whether containers lie in more than `levels` others. Without recursion: what is measured may be hostile."""
    layer = [value]
    for _ in range(levels):
        layer = [child for parent in layer for child in _children(parent)]
        if not layer:
            return False
    return True


def _children(container: Any) -> list[Any]:
    values = container.values() if isinstance(container, dict) else container
    return [value for value in values if isinstance(value, dict | list)]


def _kind(value: object) -> str:
    return {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}.get(type(value), "a number")
