"""When an event happened, from whatever field says so."""

import re
from datetime import UTC, datetime, timedelta

from jikimi.domain.event import TIMESTAMP, Event

TIME_FIELDS = (TIMESTAMP, "TimeCreated", "SystemTime", "UtcTime", "EventTime", "timestamp", "time", "EventReceivedTime")
"""Tried in this order; the first that can be read wins. A time without a zone is taken as UTC: Sysmon's `UtcTime` is,
and for the others (`EventTime`) a file does not say what its zone was."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_POWERSHELL = re.compile(r"/Date\((-?\d+)\)/")


def event_stamp(event: Event) -> str | None:
    """Canonical time of `event` (RFC 3339, UTC, microseconds, Z), or None when no field holds a readable time."""
    for name in TIME_FIELDS:
        value = event.get(name)
        if value is not None and (stamp := canonical_stamp(value)) is not None:
            return stamp
    return None


def canonical_stamp(value: object) -> str | None:
    """`2026-11-22T02:13:00.000000Z` from an ISO 8601 text or a Unix time in s, ms, µs or ns (told by its size)."""
    try:
        if isinstance(value, str):
            return stamp_of(_from_text(value))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return stamp_of(from_unix(value))
    except (ValueError, OverflowError):
        pass
    return None


def stamp_of(moment: datetime) -> str:
    """As jikimi.domain.event.format_time, three times as fast. `moment` must be aware."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def from_unix(number: float) -> datetime:
    """Raises OverflowError when outside the calendar, ValueError for NaN."""
    size = abs(number)
    unit = 1 if size < 1e11 else 1_000 if size < 1e14 else 1_000_000 if size < 1e17 else 1_000_000_000
    if isinstance(number, int):
        return _EPOCH + timedelta(seconds=number // unit, microseconds=number % unit * 1_000_000 // unit)
    return _EPOCH + timedelta(seconds=number / unit)


def _from_text(text: str) -> datetime:
    if match := _POWERSHELL.fullmatch(text):
        return _EPOCH + timedelta(milliseconds=int(match[1]))
    moment = datetime.fromisoformat(text.strip().removesuffix(" UTC"))
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
