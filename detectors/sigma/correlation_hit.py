"""What a correlation has found, as it is told."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from detectors.sigma.rule import Correlation, Rule
from detectors.sigma.timeline import Telling
from jikimi.domain.event import Event


class CorrelationHit(msgspec.Struct, frozen=True):
    """A correlation that holds. `new` is true the first time; later ones with the same `window_start` supersede it.

    `window_start` names the hit: it is the first event's time as first told; `first_time` moves back when late events
    turn out to belong to it. `event_count` and `distinct` (values or rules, 0 where none are counted) count everything
    since then, `measured` is what the condition is about; `event_ids` are the first of them, at most 100; `event` is
    the last one and `origin` where it came from, as the caller said.
    """

    rule: Rule
    tenant_id: str
    group: dict[str, str]
    window_start: datetime
    first_time: datetime
    last_time: datetime
    event_count: int
    distinct: int
    measured: float
    event_ids: tuple[str, ...]
    event: Event
    new: bool
    origin: bytes = b""


def hit_of(
    rule: Rule,
    correlation: Correlation,
    tenant_id: str,
    group: dict[str, str],
    telling: Telling,
    event: Event,
    origin: bytes,
) -> CorrelationHit:
    """The hit that a group's timeline tells of; `event` is its last one."""
    session = telling.session
    counts_values = correlation.type in ("value_count", "temporal", "temporal_ordered")
    return CorrelationHit(
        rule=rule,
        tenant_id=tenant_id,
        group=group,
        window_start=datetime.fromtimestamp(telling.anchor, UTC),
        first_time=datetime.fromtimestamp(session.start, UTC),
        last_time=datetime.fromtimestamp(session.last, UTC),
        event_count=session.count,
        distinct=len(session.values) if counts_values else 0,
        measured=session.measured(correlation),
        event_ids=tuple(event_id for _, event_id in session.ids),
        event=event,
        new=telling.new,
        origin=origin,
    )


def last_of_each(hits: Sequence[CorrelationHit]) -> list[CorrelationHit]:
    """One a correlation, group and window: new if it was new at first, else as at last."""
    told: dict[tuple[str, str, tuple[str, ...], datetime], list[CorrelationHit]] = {}
    for hit in hits:
        key = (hit.rule.id, hit.tenant_id, tuple(hit.group.values()), hit.window_start)
        told.setdefault(key, []).append(hit)
    return [msgspec.structs.replace(same[-1], new=same[0].new) for same in told.values()]
