"""What came of matches since the last commit, to be written in the transaction of the findings."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from detectors.release.stages import Stage
from detectors.sigma.rule import Rule

EVERYWHERE = "*"
EXAMPLES = 5


class HitKey(NamedTuple):
    """`day` is the day of receipt, UTC, YYYY-MM-DD."""

    rule_id: str
    tenant_id: str
    day: str
    stage: Stage


@dataclass(slots=True)
class Hits:
    count: int = 0
    event_ids: list[str] = field(default_factory=list)


class Quarantine(NamedTuple):
    """`tenant_id` is the company it floods, or EVERYWHERE for a rule that threw; `told_tenant` whose events it met."""

    rule: Rule
    tenant_id: str
    told_tenant: str
    kind: Literal["threw", "flooded"]
    reason: str
    at: datetime


@dataclass(slots=True)
class Tally:
    """`overflow` are findings that a quarantine kept from being made, `suppressed` matches by exception."""

    hits: dict[HitKey, Hits] = field(default_factory=dict)
    suppressed: Counter[str] = field(default_factory=Counter)
    overflow: Counter[tuple[str, str]] = field(default_factory=Counter)
    quarantined: dict[tuple[str, str], Quarantine] = field(default_factory=dict)

    def hit(self, key: HitKey, event_id: str) -> None:
        hits = self.hits.get(key)
        if hits is None:
            hits = self.hits[key] = Hits()
        hits.count += 1
        if len(hits.event_ids) < EXAMPLES:
            hits.event_ids.append(event_id)
