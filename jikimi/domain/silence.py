"""Should the centre hear of a computer and does not. Pure.

A computer that is marked always on (a server) is missed after five minutes at any hour, whatever it said. Any other is
missed after half an hour, if it fell silent in working hours without saying that it stops: a PC that is switched off
says so, one that is off at night is none of the centre's business.
"""

from datetime import datetime, timedelta

import msgspec

from jikimi.domain.tenant import Tenant

SERVER_AFTER = timedelta(minutes=5)
PC_AFTER = timedelta(minutes=30)


class Heard(msgspec.Struct, frozen=True):
    """An agent as the centre knows it. `last` is its last sign of life, `stopped` that it said it stops, `told_since`
    the last sign before a silence that was told and is not over."""

    agent_id: str
    tenant_id: str
    device_id: str
    device: str
    last: datetime
    always_on: bool = False
    stopped: bool = False
    told_since: datetime | None = None


def is_missed(one: Heard, company: Tenant, now: datetime, listening_since: datetime) -> bool:
    """`listening_since`: a centre that was down itself has missed nobody yet."""
    quiet_for = now - max(one.last, listening_since)
    if one.always_on:
        return quiet_for >= SERVER_AFTER
    if one.stopped or quiet_for < PC_AFTER:
        return False
    return company.work_hours.cover(company.local(one.last)) and company.work_hours.cover(company.local(now))


def is_back(one: Heard) -> bool:
    """It was told as silent and has been heard since."""
    return one.told_since is not None and one.last > one.told_since
