"""What the company's own settings say about an event, added before rules see it (fields of rules/README.md)."""

from datetime import datetime, timedelta

from jikimi.domain.event import TIMESTAMP, Event, event_time, format_time
from jikimi.domain.logsource import FILE_ACCESS, LEAK_EVIDENCE, REMOVABLE_MEDIA, LogSource
from jikimi.domain.passport import judge
from jikimi.domain.tenant import Tenant

CLOCK_TOLERANCE = timedelta(minutes=2)
_OURS = frozenset({FILE_ACCESS.category, REMOVABLE_MEDIA.category, LEAK_EVIDENCE.category})


def adds_fields(logsource: LogSource) -> bool:
    """Does `enrich` add fields to events of this log source, beyond holding their clock?"""
    return logsource.category in _OURS


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
    if adds_fields(logsource):
        event = event | {"OffHours": not tenant.work_hours.cover(tenant.local(happened))}
    if _is_judged(event, logsource) and (verdict := judge(tenant.media, event, happened)):
        event = event | {"Passport": verdict.judgement, "KnownMedia": verdict.judgement == "allowed"}
        if verdict.holder:
            event = event | {"PassportHolder": verdict.holder}
    return event


def _is_judged(event: Event, logsource: LogSource) -> bool:
    """What an agent did (`enforce`), and what it saw change (`passport`), keep the judgement it went by."""
    if logsource.category == LEAK_EVIDENCE.category:
        return event.get("Destination") == "removable"
    return logsource.category == REMOVABLE_MEDIA.category and event.get("Action") not in ("enforce", "passport")
