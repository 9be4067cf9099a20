"""What is loaded: a rule, a correlation, and the match of a rule."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from detectors.sigma.correlation_condition import Condition
from detectors.sigma.tree import FALSE, Node
from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource

CorrelationType = Literal[
    "event_count",
    "value_count",
    "value_sum",
    "value_avg",
    "value_percentile",
    "value_median",
    "temporal",
    "temporal_ordered",
]


class Correlation(msgspec.Struct, frozen=True):
    """The correlation section (Sigma correlation specification 2.1); `timespan` in seconds.

    `rules` are the ids of the rules or correlations it is fed by, `aliases` maps an alias to the field it stands for in
    each of them, `field` are the fields whose values are counted or calculated with.
    """

    type: CorrelationType
    rules: tuple[str, ...]
    timespan: int
    condition: Condition
    group_by: tuple[str, ...] = ()
    aliases: dict[str, dict[str, str]] = {}
    field: tuple[str, ...] = ()

    @property
    def waits(self) -> bool:
        """Can it be judged only when the window is over? Otherwise it is told the moment it is fulfilled."""
        return self.type in ("value_avg", "value_percentile", "value_median") or not self.condition.rising


class Rule(msgspec.Struct, frozen=True, eq=False):
    """One rule or correlation, ready to match.

    `generates` is false for a rule that only feeds a correlation; `version` changes whenever what it finds may change;
    `jikimi` are the words for people (rules/README.md). A correlation has `correlation` and no condition of its own.
    """

    id: str
    title: str
    level: str
    tags: tuple[str, ...]
    logsource: LogSource
    version: str
    file: str
    condition: Node = FALSE
    name: str = ""
    jikimi: dict[str, Any] = {}
    generates: bool = True
    correlation: Correlation | None = None


class Match(msgspec.Struct, frozen=True, eq=False):
    """`rule` holds for `event`, number `index` of the sequence or the block that was given."""

    rule: Rule
    index: int
    event: Event
    see: Callable[[Event], Event]

    @property
    def seen(self) -> Event:
        """The event under every name that rules know its fields by: what correlations group by and count."""
        return self.see(self.event)
