"""What is loaded: a rule, a correlation, and the match of a rule."""

from typing import Any, Literal

import msgspec

from detectors.sigma.tree import FALSE, Node
from jikimi.domain.logsource import LogSource

CorrelationType = Literal["event_count", "value_count", "temporal", "temporal_ordered"]


class Correlation(msgspec.Struct, frozen=True):
    """The correlation section (Sigma correlation specification 2.1); `timespan` in seconds.

    `rules` are the ids of the rules it is fed by, `aliases` maps an alias to the field it stands for in each of them,
    `field` are the fields whose distinct values are counted, `at_least` and `at_most` the condition (both inclusive).
    """

    type: CorrelationType
    rules: tuple[str, ...]
    timespan: int
    group_by: tuple[str, ...] = ()
    aliases: dict[str, dict[str, str]] = {}
    field: tuple[str, ...] = ()
    at_least: int = 1
    at_most: int | None = None


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
    """`rule` holds for event number `index` of the sequence that was given."""

    rule: Rule
    index: int
