"""Draft, shadow, live: what becomes of a rule's hits.

*draft* is not asked, *shadow* is asked and its hits are counted, *live* makes findings. A rule of which nothing is said
is live. The stage of a rule decides about its own hits only: what it feeds to a correlation is decided by the stage of
that correlation, so that a correlation can be tried in shadow over rules that alert, and the other way round.
"""

from collections.abc import Callable, Container, Iterable
from enum import StrEnum

from detectors.sigma.rule import Rule


class Stage(StrEnum):
    draft = "draft"
    shadow = "shadow"
    live = "live"


ORDER = (Stage.draft, Stage.shadow, Stage.live)


def after(stage: Stage) -> Stage:
    """Where a rule is promoted to; live stays live."""
    return ORDER[min(ORDER.index(stage) + 1, len(ORDER) - 1)]


def before(stage: Stage) -> Stage:
    """Where a rule is demoted to; draft stays draft."""
    return ORDER[max(ORDER.index(stage) - 1, 0)]


def asked(rules: Iterable[Rule], stage_of: Callable[[str], Stage], broken: Container[str]) -> tuple[Rule, ...]:
    """The rules to run: those not in draft and those that feed one that runs, but for the ids in `broken`."""
    every = {rule.id: rule for rule in rules}
    wanted: set[str] = set()
    open_ = [rule for rule in every.values() if stage_of(rule.id) is not Stage.draft]
    while open_:
        rule = open_.pop()
        if rule.id in wanted or rule.id in broken:
            continue
        wanted.add(rule.id)
        if rule.correlation is not None:
            open_ += [every[feeder] for feeder in rule.correlation.rules if feeder in every]
    return tuple(rule for rule in every.values() if rule.id in wanted)
