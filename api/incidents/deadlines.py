"""By when what must have happened. Pure: an incident's times in, its next deadline out."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from jikimi.domain.risk import RiskLevel

Step = Literal["tell", "acknowledge", "close"]

_MINUTES: dict[Step, dict[RiskLevel, int]] = {
    "tell": {RiskLevel.very_high: 10, RiskLevel.high: 30, RiskLevel.medium: 240, RiskLevel.low: 1440},
    "acknowledge": {RiskLevel.very_high: 15, RiskLevel.high: 60, RiskLevel.medium: 480, RiskLevel.low: 4320},
    "close": {RiskLevel.very_high: 1440, RiskLevel.high: 4320, RiskLevel.medium: 10080, RiskLevel.low: 20160},
}


class Deadline(msgspec.Struct, frozen=True):
    """`span` is the whole time allowed, in seconds, counted from the opening."""

    step: Step
    due: datetime
    span: int


def next_deadline(
    risk: RiskLevel,
    *,
    opened_at: datetime,
    told_at: datetime | None,
    acknowledged_at: datetime | None,
    closed_at: datetime | None,
) -> Deadline | None:
    """The earliest of what is still open; None for a closed incident."""
    if closed_at is not None:
        return None
    open_steps: list[Step] = ["close"]
    if told_at is None:
        open_steps.append("tell")
    if acknowledged_at is None:
        open_steps.append("acknowledge")
    return min((deadline(step, risk, opened_at) for step in open_steps), key=lambda found: found.due)


def deadline(step: Step, risk: RiskLevel, opened_at: datetime) -> Deadline:
    allowed = timedelta(minutes=_MINUTES[step][risk])
    return Deadline(step, opened_at + allowed, int(allowed.total_seconds()))
