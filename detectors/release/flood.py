"""A rule that floods: so many findings of one company in a minute that nobody reads them and the others suffer."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

MOST_A_MINUTE = 6_000
"""Findings of one rule and company. A hundred a second is half of everything a company of 50 devices sends: whatever
the rule looks for, it found something else. What is merely noisy is for a person to judge, not for this limit."""

MOST_SHARE = 0.5
SHARE_FROM_EVENTS = 2_000
"""Half of a minute's events, once they are so many that the half is no accident of a small sample."""


@dataclass(slots=True)
class _Minute:
    start: datetime
    events: int = 0
    findings: Counter[str] = field(default_factory=Counter)


class FloodMeter:
    """Counts findings by company and rule within the minute of receipt. Holds one minute a company."""

    def __init__(self) -> None:
        self._minutes: dict[str, _Minute] = {}

    def open(self, tenant_id: str, received: datetime, events: int) -> None:
        """`events` more of the company are looked at."""
        start = received.replace(second=0, microsecond=0)
        minute = self._minutes.get(tenant_id)
        if minute is None or start > minute.start:
            minute = self._minutes[tenant_id] = _Minute(start)
        minute.events += events

    def count(self, tenant_id: str, rule_id: str) -> str:
        """One finding more; the reason why it is one too many, or nothing. `open` comes first."""
        minute = self._minutes[tenant_id]
        minute.findings[rule_id] += 1
        found = minute.findings[rule_id]
        if found > MOST_A_MINUTE:
            return f"more than {MOST_A_MINUTE:,} findings within a minute"
        if minute.events >= SHARE_FROM_EVENTS and found > minute.events * MOST_SHARE:
            return f"{found:,} findings of {minute.events:,} events within a minute, more than {MOST_SHARE:.0%}"
        return ""
