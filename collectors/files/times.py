"""When an event happened, from whatever field says so."""

from collectors.stamps import canonical_stamp
from jikimi.domain.event import TIMESTAMP, Event

TIME_FIELDS = (
    TIMESTAMP, "TimeCreated", "SystemTime", "UtcTime", "EventTime", "eventTime", "requestReceivedTimestamp",
    "published", "CreationTime", "createdDateTime", "timestamp", "TimeGenerated", "time", "utc_time", "local_time",
    "EventReceivedTime",
)  # fmt: skip
"""Tried in this order; the first that can be read wins. A time without a zone is taken as UTC: Sysmon's `UtcTime` is,
and for the others (`EventTime`, OpenCanary's `local_time`) a file does not say what its zone was."""


def event_stamp(event: Event) -> str | None:
    """Canonical time of `event` (RFC 3339, UTC, microseconds, Z), or None when no field holds a readable time."""
    for name in TIME_FIELDS:
        value = event.get(name)
        if value is not None and (stamp := canonical_stamp(value)) is not None:
            return stamp
    return None
