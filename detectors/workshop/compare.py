"""`jikimi rules diff`: what another version of a rule set changes: rules come, go, mean or weigh something else.

A rule is the same one by its id. Its meaning is what it matches (log source and tests, or the correlation), whatever
the order they are written in; its level decides what is told to whom; the rest is words.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from detectors.sigma import cache
from detectors.sigma.load import load_rules
from detectors.sigma.match import RuleSet
from detectors.sigma.report import LoadReport, Refusal
from detectors.sigma.rule import Rule
from detectors.workshop.documents import Document, Progress, documents_in, silent
from detectors.workshop.duplicates import meaning


class Named(msgspec.Struct, frozen=True):
    """A rule that stands on one side only."""

    rule: str
    title: str
    level: str
    file: str


class Changed(msgspec.Struct, frozen=True):
    """A rule of both sides: whether its meaning changed, its levels, and which other keys of the document differ."""

    rule: str
    title: str
    file: str
    meaning: bool
    old_level: str
    new_level: str
    words: tuple[str, ...]


class Compared(msgspec.Struct, frozen=True):
    """`newly_refused` are refused in the new version and were not in the old."""

    old: int
    new: int
    same: int
    added: tuple[Named, ...]
    removed: tuple[Named, ...]
    meaning: tuple[Changed, ...]
    level: tuple[Changed, ...]
    words: tuple[Changed, ...]
    newly_refused: tuple[Refusal, ...]


class Side(msgspec.Struct, frozen=True):
    """One version: its rules, how they loaded, and their documents by id."""

    rules: RuleSet
    report: LoadReport
    documents: dict[str, Document]


def side(paths: Sequence[Path], progress: Progress = silent) -> Side:
    """Read one version. Raises Misconfigured for a path that is not there."""
    progress("loading", 0, 0)
    rules, report = load_rules(paths, keep_in=cache.folder())
    found = documents_in(paths, progress)
    return Side(rules, report, {one.rule_id: one for one in found})


def compare(old: Side, new: Side) -> Compared:
    """What changed from `old` to `new`; each rule stands in the first list that fits it."""
    before, after = old.rules.by_id, new.rules.by_id
    changed = [
        _changed(before[rule], after[rule], old.documents.get(rule), new.documents.get(rule), before, after)
        for rule in sorted(before.keys() & after.keys())
    ]
    meant = [one for one in changed if one.meaning]
    weighed = [one for one in changed if not one.meaning and one.old_level != one.new_level]
    worded = [one for one in changed if not one.meaning and one.old_level == one.new_level and one.words]
    refused_before = {(refusal.rule, refusal.reason) for refusal in old.report.refused}
    return Compared(
        old=len(before),
        new=len(after),
        same=len(changed) - len(meant) - len(weighed) - len(worded),
        added=tuple(_named(after[rule]) for rule in sorted(after.keys() - before.keys())),
        removed=tuple(_named(before[rule]) for rule in sorted(before.keys() - after.keys())),
        meaning=tuple(meant),
        level=tuple(weighed),
        words=tuple(worded),
        newly_refused=tuple(one for one in new.report.refused if (one.rule, one.reason) not in refused_before),
    )


def _named(rule: Rule) -> Named:
    return Named(rule.id, rule.title, rule.level, rule.file)


def _changed(
    old: Rule,
    new: Rule,
    old_words: Document | None,
    new_words: Document | None,
    before: Mapping[str, Rule],
    after: Mapping[str, Rule],
) -> Changed:
    return Changed(
        rule=new.id,
        title=new.title,
        file=new.file,
        meaning=_full_meaning(old, before) != _full_meaning(new, after),
        old_level=old.level,
        new_level=new.level,
        words=_differing(old_words, new_words),
    )


def _full_meaning(rule: Rule, among: Mapping[str, Rule]) -> tuple[bytes, ...]:
    """A correlation means something else when a rule that feeds it does."""
    feeders = rule.correlation.rules if rule.correlation else ()
    return (meaning(rule), *(part for feeder in feeders for part in _full_meaning(among[feeder], among)))


def _differing(old: Document | None, new: Document | None) -> tuple[str, ...]:
    """Top-level keys that differ, but for those that are the meaning or the level."""
    if old is None or new is None:
        return ()
    keys = (old.content.keys() | new.content.keys()) - {"detection", "logsource", "correlation", "level"}
    return tuple(sorted(str(key) for key in keys if old.content.get(key) != new.content.get(key)))
