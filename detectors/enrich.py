"""What the company's own settings say about an event, added before rules see it (fields of rules/README.md)."""

from datetime import datetime, timedelta

from jikimi.domain.event import TIMESTAMP, Event, event_time, format_time
from jikimi.domain.logsource import FILE_ACCESS, REMOVABLE_MEDIA, LogSource
from jikimi.domain.tenant import Tenant

CLOCK_TOLERANCE = timedelta(minutes=2)


def adds_fields(logsource: LogSource) -> bool:
    """Does `enrich` add fields to events of this log source, beyond holding their clock?"""
    return logsource.category in (FILE_ACCESS.category, REMOVABLE_MEDIA.category)


def enrich(event: Event, logsource: LogSource, tenant: Tenant, received_at: datetime) -> Event:
    """The event as detectors see it; the stored bytes stay as they came.

    Event time is clamped to `received_at` + 2 min, so that one wrong clock cannot close everyone's windows.
    Raises ValueError when the event has no usable time (ingest lets none through).
    """
    happened = event_time(event)
    latest = received_at + CLOCK_TOLERANCE
    if happened > latest:
        happened = latest
        event = event | {TIMESTAMP: format_time(latest)}
    if logsource.category in (FILE_ACCESS.category, REMOVABLE_MEDIA.category):
        event = event | {"OffHours": not tenant.work_hours.cover(tenant.local(happened))}
    if logsource.category == REMOVABLE_MEDIA.category and tenant.allowed_media:
        event = event | {"KnownMedia": event.get("Serial") in tenant.allowed_media}
    return event
