"""Canonical times out of whatever a log writes."""

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_POWERSHELL = re.compile(r"/Date\((-?\d+)\)/")


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
