"""`jikimi detect`: rules against files, without a server."""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource
from jikimi.errors import Misconfigured

if TYPE_CHECKING:
    from collectors.files import Problems, SourceEvent
    from detectors.detect import Detected, OfflineRun
    from detectors.sigma.report import LoadReport

BLOCK = 512
"""Events matched at a time; a block has one log source."""
SHOWN = 10
"""Refusals and problems told one by one; the rest as a number."""
LEVELS = ("critical", "high", "medium", "low", "informational")
SUFFIXES = (".evtx", ".json", ".jsonl", ".ndjson", ".log", ".pcap", ".pcapng", ".cap", ".zip", ".gz")

EPILOG = """\b
Examples:
  jikimi detect Security.evtx
  jikimi detect --rules sigma/rules --rules my-rules export.ndjson.gz capture.pcap
  jikimi detect --logsource product=linux,service=auditd audit.ndjson > findings.ndjson

\b
Findings go to stdout, one JSON object a line; the summary, refused rules and damaged input to stderr.
Exit code 0 with or without findings; 2 when a file or a rule folder cannot be used (the other files are still read).
A file that is damaged inside is read as far as possible and reported; that alone is no error."""


def detect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Event files, or folders of them.")],
    rules: Annotated[
        list[Path] | None,
        typer.Option("--rules", metavar="DIR", help="Rule file or folder; may be given again. Default: Jikimi's own."),
    ] = None,
    logsource: Annotated[
        str,
        typer.Option(
            metavar="KEY=VALUE,…", help="product, category, service of the events, instead of what the files say."
        ),
    ] = "",
) -> None:
    """Run Sigma rules over event files (.evtx, JSON lines, .pcap, also in .zip and .gz) and print the findings."""
    try:
        from detectors.detect import OfflineRun
        from detectors.sigma import cache
        from detectors.sigma.load import load_rules
    except ModuleNotFoundError as error:
        _fail(f"detection is not installed here ({error.name} is missing): install jikimi with the extra 'centre'.")
    try:
        stated = _logsource(logsource)
        inputs = _inputs(files)
        rule_set, report = load_rules(rules or [_own_rules()], keep_in=cache.folder())
        _need_rules(report, rules)
    except Misconfigured as error:
        _fail(str(error))
    run = OfflineRun(rule_set, datetime.now(UTC))
    try:
        read, failed = _run(run, inputs, stated, report)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    for rule_id, reason in rule_set.quarantined.items():
        _say(f"rule set aside, it failed on an event: {rule_set.by_id[rule_id].title}: {reason}")
    if failed:
        if read:
            _say(f"{failed} of {read + failed} inputs could not be used.")
        raise typer.Exit(2)


def _run(run: "OfflineRun", inputs: Sequence[Path], stated: LogSource | None, report: "LoadReport") -> tuple[int, int]:
    """Reads, matches and prints; how many files were read and how many could not be used."""
    from collectors.files import Problems, read_events

    problems, levels, failures = Problems(), Counter[str](), []
    begun = time.monotonic()
    with _progress(inputs) as advance:
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


def _findings(run: "OfflineRun", events: "Iterator[SourceEvent]", file: str) -> "Iterator[Detected]":
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


def _print(findings: "Iterator[Detected]", levels: Counter[str]) -> None:
    import msgspec

    encode = msgspec.json.Encoder().encode
    out = sys.stdout.buffer
    for finding in findings:
        levels[finding.level] += 1
        out.write(encode(finding) + b"\n")


def _logsource(text: str) -> LogSource | None:
    if not text:
        return None
    stated = dict(part.strip().partition("=")[::2] for part in text.split(","))
    if not all(stated.values()) or not set(stated) <= {"product", "category", "service"}:
        raise Misconfigured(
            f"--logsource {text!r}: write it as product=windows,service=security (product, category and service only)."
        )
    return LogSource(**stated)


def _inputs(files: Sequence[Path]) -> list[Path]:
    """Files as given, folders as the readable files below them."""
    inputs: list[Path] = []
    for file in files:
        if file.is_dir():
            inside = sorted(p for p in file.rglob("*") if p.is_file() and p.suffix.lower() in SUFFIXES)
            if not inside:
                raise Misconfigured(f"{file}: no event file in this folder ({', '.join(SUFFIXES)}).")
            inputs += inside
        else:
            inputs.append(file)
    return inputs


def _own_rules() -> Path:
    import detectors

    return Path(str(detectors.__file__)).resolve().parents[1] / "rules"


def _need_rules(report: "LoadReport", rules: Sequence[Path] | None) -> None:
    where = ", ".join(str(path) for path in rules) if rules else "Jikimi's own rules folder"
    if not report.files:
        raise Misconfigured(f"no rule (.yml) in {where}.")
    if not report.loaded:
        first = report.refused[0]
        raise Misconfigured(f"no rule in {where} can be used; {first.file}:{first.line}: {first.reason}.")


def _summary(
    events: int, files: int, levels: Counter[str], report: "LoadReport", problems: "Problems", seconds: float
) -> None:
    told = ", ".join(f"{levels[level]} {level}" for level in LEVELS if levels[level]) or "none"
    _some([f"rule refused: {r.file}:{r.line}: {r.rule or 'unreadable'}: {r.reason}" for r in report.refused])
    _some(problems.notes, problems.untold)
    _say(f"{files} files, {events} events, {events / max(seconds, 1e-6):,.0f} events/s; input: {problems}")
    blind = len(report.blind)
    _say(f"rules: {report.loaded} loaded, {len(report.refused)} refused, {blind} blind (no source of theirs is known)")
    _say(f"findings: {levels.total()} ({told})")


def _some(sentences: Sequence[str], more: int = 0) -> None:
    for sentence in sentences[:SHOWN]:
        _say(sentence)
    more += max(0, len(sentences) - SHOWN)
    if more:
        _say(f"… and {more} more like these.")


@contextmanager
def _progress(inputs: Sequence[Path]) -> Iterator[Callable[[int], None]]:
    """A bar on stderr when a person watches; gives what takes the number of bytes read."""
    from rich.console import Console
    from rich.progress import Progress

    total = sum(p.stat().st_size for p in inputs if p.is_file())
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("detect", total=total or None)
        yield lambda size: bar.advance(task, size)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _fail(text: str) -> NoReturn:
    _say(f"jikimi detect: {text}")
    raise typer.Exit(2)
