"""`jikimi rules test`: every sample beside a rule, run as the worker would run it (format: rules/README.md)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from detectors.rule_samples import Sample, run_sample, samples_of
from detectors.sigma import cache
from detectors.sigma.load import load_rules
from detectors.sigma.match import RuleSet
from detectors.sigma.report import Refusal
from detectors.sigma.rule import Rule
from detectors.sigma.source import sources
from detectors.workshop.documents import Progress, silent
from jikimi.domain.passport import allowing
from jikimi.domain.tenant import Tenant
from jikimi.errors import JikimiError

COMPANY = Tenant("tenant-1", "한빛정밀", media=allowing("KNOWN-1", since=datetime(2026, 1, 1, tzinfo=UTC)))
"""Whose events samples are: Seoul, Monday to Friday 8 to 20, one known stick (rules/README.md, "Samples")."""


class Tried(msgspec.Struct, frozen=True):
    """One sample's outcome; `problem` is empty when the rule did what the sample expects."""

    rule: str
    title: str
    file: str
    line: int
    expect: str
    why: str
    problem: str = ""

    @property
    def passed(self) -> bool:
        return not self.problem


class Untested(msgspec.Struct, frozen=True):
    """A rule that fires and lacks samples of the kinds named in `missing`."""

    rule: str
    title: str
    file: str
    missing: tuple[str, ...]


class SampleRun(msgspec.Struct, frozen=True):
    """`files` were read: the `loaded` rules, what their samples said, what was refused and what has no sample."""

    files: int
    loaded: int
    passed: int
    failed: int
    results: tuple[Tried, ...]
    refused: tuple[Refusal, ...]
    untested: tuple[Untested, ...]


def run_samples(paths: Sequence[Path], progress: Progress = silent, beside: Sequence[Path] = ()) -> SampleRun:
    """Run every sample beside the rule files at or below `paths` through all of them, and through those of `beside`.

    A sample that cannot be read or run is a failure like one that is not fulfilled. Where there is no rule file at all,
    all of it is empty. Raises Misconfigured for a path that is not there.
    """
    progress("loading", 0, 0)
    rules, report = load_rules([*paths, *beside], keep_in=cache.folder())
    files = [source.file for source in sources(paths)]
    results: list[Tried] = []
    for number, file in enumerate(files, 1):
        results += _of_file(Path(file), rules)
        progress("running samples", number, len(files))
    failed = sum(not one.passed for one in results)
    asked = [rule for rule in rules.rules if rule.file in files]
    return SampleRun(
        files=len(files),
        loaded=len(asked),
        passed=len(results) - failed,
        failed=failed,
        results=tuple(results),
        refused=tuple(refusal for refusal in report.refused if refusal.file in files),
        untested=_untested(asked, results),
    )


def _of_file(file: Path, rules: RuleSet) -> list[Tried]:
    beside = str(file.with_suffix(".samples.ndjson"))
    try:
        samples = samples_of(file)
    except (JikimiError, OSError) as error:
        return [Tried("", "", beside, 1, "", "", f"cannot be read: {error}")]
    return [_tried(sample, beside, line, rules) for line, sample in enumerate(samples, 1)]


def _tried(sample: Sample, file: str, line: int, rules: RuleSet) -> Tried:
    rule = rules.by_id.get(sample.rule)
    title = rule.title if rule else ""
    problem = _problem(sample, rules) if rule else f"no rule with the id {sample.rule} is loaded"
    return Tried(sample.rule, title, file, line, sample.expect, sample.why, problem)


def _problem(sample: Sample, rules: RuleSet) -> str:
    try:
        found = [finding for finding in run_sample(rules, sample, COMPANY) if finding.rule_id == sample.rule]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, msgspec.MsgspecError) as error:
        return f"cannot be run: {error}"  # no event, an event without @timestamp, a $repeat that is no number
    if sample.rule in rules.quarantined:
        return f"the rule failed on an event: {rules.quarantined[sample.rule]}"
    if sample.expect == "match":
        return "" if found else "expected a match, and the rule stays silent"
    return f"expected no match, and the rule fires: {found[0].title_en}" if found else ""


def _untested(rules: Sequence[Rule], results: Sequence[Tried]) -> tuple[Untested, ...]:
    kinds: dict[str, set[str]] = {}
    for one in results:
        kinds.setdefault(one.rule, set()).add(one.expect)
    return tuple(
        Untested(rule.id, rule.title, rule.file, tuple(sorted(missing)))
        for rule in rules
        if rule.generates and (missing := {"match", "no_match"} - kinds.get(rule.id, set()))
    )
