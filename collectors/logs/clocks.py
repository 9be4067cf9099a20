"""Times as logs write them, in canonical form; by hand, since strptime costs more than the rest of a line."""

import re
from datetime import datetime, timedelta, tzinfo

from collectors.stamps import stamp_of

_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}
LATE = timedelta(days=1)

_NCSA = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d)(?: ([+-]\d{4}))?", re.ASCII)


def ncsa_stamp(text: str, zone: tzinfo) -> str | None:
    """Of `22/Nov/2026:10:00:00 +0900`, as web servers and CUPS write it; `zone` where the text has none."""
    found = _NCSA.fullmatch(text)
    if found is None or (month := MONTHS.get(found[2].lower())) is None:
        return None
    try:
        moment = datetime.fromisoformat(f"{found[3]}-{month:02d}-{found[1]}T{found[4]}{found[5] or ''}")
        return stamp_of(moment if found[5] else moment.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        return None


def moment_stamp(text: str, zone: tzinfo) -> str | None:
    """Canonical time of an ISO 8601 text without a zone."""
    try:
        return stamp_of(datetime.fromisoformat(text).replace(tzinfo=zone))
    except (ValueError, OverflowError):
        return None


def yearless_stamp(month: int, day: int, clock: str, year: str | None, now: datetime, zone: tzinfo) -> str | None:
    """Canonical time of a date without a year: the latest one that is not more than LATE after `now`."""
    for guess in [int(year)] if year else range(now.year + 1, now.year - 8, -1):
        try:
            moment = datetime.fromisoformat(f"{guess:04d}-{month:02d}-{day:02d}T{clock[:15]}").replace(tzinfo=zone)
            if year or moment <= now + LATE:
                return stamp_of(moment)
        except (ValueError, OverflowError):
            continue  # 29 February of another year
    return None
