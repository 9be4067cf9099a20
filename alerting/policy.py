"""Who is told how often: limits a contact, and bundling after the first. Pure.

The limits are GoAlert's for SMS (one a minute, five in 15 minutes, eleven an hour); mail may go more often. A very high
risk passes the contact's limits. What waits for the limit goes out as one message: the worst of it, and "그 외 37건".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerting.channels.port import Kind
from jikimi.domain.risk import RiskLevel


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` messages in any `window`."""

    count: int
    window: timedelta


CONTACT_LIMITS: Mapping[Kind, tuple[Limit, ...]] = {
    "sms": (Limit(1, timedelta(minutes=1)), Limit(5, timedelta(minutes=15)), Limit(11, timedelta(hours=1))),
    "mail": (Limit(3, timedelta(minutes=1)), Limit(15, timedelta(minutes=15)), Limit(40, timedelta(hours=1))),
}
REMEMBER = timedelta(hours=1)
"""The longest window: older messages play no part."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A due notification. `alone`: it was tried before, perhaps with others in its text, and is not bundled again."""

    id: str
    incident_id: str
    risk: RiskLevel
    ends: bool
    created_at: datetime
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Send `id` now; its text also counts `others`. `outdated` are its own incident's earlier words, said no more."""

    id: str
    others: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send to one contact on one channel now, and when to look again at what waits."""

    sends: tuple[Send, ...]
    waits: tuple[str, ...] = ()
    wait_until: datetime | None = None


def plan(waiting: Sequence[Waiting], sent: Sequence[datetime], limits: Sequence[Limit], now: datetime) -> Plan:
    """`waiting` are all due notifications of one contact and channel; `sent` its messages of the last hour."""
    urgent = [one for one in waiting if one.risk == RiskLevel.very_high and not one.ends]
    rest = sorted((one for one in waiting if one not in urgent), key=_worst_first)
    sends = []
    for one in sorted(urgent, key=_worst_first):
        outdated, rest = _outdated_by(one, rest)
        sends.append(Send(one.id, outdated=outdated))
    times = [*sent, *(now for _ in urgent)]
    while rest:
        free_at = next_free(times, limits, now)
        if free_at > now:
            return Plan(tuple(sends), tuple(one.id for one in rest), free_at)
        first, *rest = rest
        outdated, rest = _outdated_by(first, rest)
        last_now = next_free([*times, now], limits, now) > now
        others: tuple[str, ...] = ()
        if last_now and times and not first.alone:
            others = tuple(one.id for one in rest if not one.alone)
            rest = [one for one in rest if one.alone]
        sends.append(Send(first.id, others, outdated))
        times.append(now)
    return Plan(tuple(sends))


def next_free(times: Sequence[datetime], limits: Sequence[Limit], now: datetime) -> datetime:
    """The first moment from `now` on at which one more message keeps every limit."""
    free = now
    ordered = sorted(times)
    for limit in limits:
        if len(ordered) >= limit.count:
            free = max(free, ordered[-limit.count] + limit.window)
    return free


def _outdated_by(lead: Waiting, rest: Sequence[Waiting]) -> tuple[tuple[str, ...], list[Waiting]]:
    """(Earlier words on the incident that `lead` says better, what is left).

    Nobody should read "opened, medium" after "raised, very high".
    """
    if lead.ends:
        return (), list(rest)
    gone = [
        one
        for one in rest
        if one.incident_id == lead.incident_id and not (one.alone or one.ends) and one.created_at <= lead.created_at
    ]
    return tuple(one.id for one in gone), [one for one in rest if one not in gone]


def _worst_first(one: Waiting) -> tuple[bool, int, datetime, str]:
    return (one.ends, -one.risk, one.created_at, one.id)
