"""The work of `jikimi detect`: match files against rules, print the findings, tell what was read and refused."""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from collectors.files import Problems, SourceEvent, read_events
from detectors.detect import Detected, OfflineRun
from detectors.sigma import cache
from detectors.sigma.load import load_rules
from detectors.sigma.report import LoadReport
from jikimi.cli.options import our_rules
from jikimi.cli.printed import say_some
from jikimi.cli.streams import Unwritable, progress, silence_stdout, writing
from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource
from jikimi.errors import Misconfigured

BLOCK = 512
"""Events matched at a time; a block has one log source."""
LEVELS = ("critical", "high", "medium", "low", "informational")


def detect_in(
    inputs: Sequence[Path],
    stated: LogSource | None,
    rules: Sequence[Path] | None,
    placeholders: Mapping[str, Sequence[str]],
) -> int:
    """Findings on stdout, the rest on stderr; the exit code. `rules` None is our own.

    Raises Misconfigured before anything is read when there is no rule that can be used.
    """
    rule_set, report = load_rules(rules or [our_rules()], placeholders=placeholders, keep_in=cache.folder())
    _need_rules(report, rules)
    run = OfflineRun(rule_set, datetime.now(UTC))
    try:
        read, failed = _run(run, inputs, stated, report)
        with writing():
            sys.stdout.flush()
    except BrokenPipeError:
        silence_stdout()
        return 0
    except Unwritable as error:
        silence_stdout()
        _say(f"jikimi detect: stdout takes no more findings ({error}); the rest is missing.")
        return 1
    for rule_id, reason in rule_set.quarantined.items():
        _say(f"rule set aside, it failed on an event: {rule_set.by_id[rule_id].title}: {reason}")
    for what, count in run.lost.items():
        _say(f"correlations: {count:,} times {what.replace('_', ' ')}")
    if failed and read:
        _say(f"{failed} of {read + failed} inputs could not be used.")
    return 2 if failed else 0


def _run(run: OfflineRun, inputs: Sequence[Path], stated: LogSource | None, report: LoadReport) -> tuple[int, int]:
    """Reads, matches and prints; how many files were read and how many could not be used."""
    problems, levels, failures = Problems(), Counter[str](), []
    begun = time.monotonic()
    with progress("detect", inputs) as advance:
        for file in inputs:
            try:
                events = read_events(file, logsource=stated, problems=problems, progress=advance)
                _print(_findings(run, events, str(file)), levels)
            except Misconfigured as error:
                failures.append(str(error))
        _print(run.finish(), levels)
    for failure in failures:
        _say(f"jikimi detect: {failure}")
    read = len(inputs) - len(failures)
    if read:
        _summary(run.events, read, levels, report, problems, time.monotonic() - begun)
    return read, len(failures)


def _findings(run: OfflineRun, events: Iterator[SourceEvent], file: str) -> Iterator[Detected]:
    """Blocks of one log source, so that the order of the file is the order of the findings."""
    block: list[Event] = []
    source: LogSource | None = None
    for logsource, event in events:
        if block and (logsource != source or len(block) >= BLOCK):
            yield from run.feed(source or LogSource(), block, file)
            block = []
        source = logsource
        block.append(event)
    if block:
        yield from run.feed(source or LogSource(), block, file)


def _print(findings: Iterator[Detected], levels: Counter[str]) -> None:
    encode = msgspec.json.Encoder().encode
    out = sys.stdout.buffer
    for finding in findings:
        levels[finding.level] += 1
        with writing():
            out.write(encode(finding) + b"\n")


def _need_rules(report: LoadReport, rules: Sequence[Path] | None) -> None:
    where = ", ".join(str(path) for path in rules) if rules else "Jikimi's own rules folder"
    if not report.files:
        raise Misconfigured(f"no rule (.yml) in {where}.")
    if not report.loaded:
        first = (report.refused or report.without_effect)[0]
        raise Misconfigured(f"no rule in {where} can be used; {first.file}:{first.line}: {first.reason}.")


def _summary(
    events: int, files: int, levels: Counter[str], report: LoadReport, problems: Problems, seconds: float
) -> None:
    told = ", ".join(f"{levels[level]} {level}" for level in LEVELS if levels[level]) or "none"
    for refusal in report.refused:
        _say(f"  rule refused: {refusal}")
    for idle in report.without_effect:
        _say(f"  filter without effect: {idle}")
    say_some(problems.notes, problems.untold)
    _say(f"{files} files, {events} events, {events / max(seconds, 1e-6):,.0f} events/s; input: {problems}")
    blind = len(report.blind)
    _say(f"rules: {report.loaded} loaded, {len(report.refused)} refused, {blind} blind (no source of theirs is known)")
    _say(f"findings: {levels.total()} ({told})")


def _say(text: str) -> None:
    print(text, file=sys.stderr)
