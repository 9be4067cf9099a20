"""How fast the Sigma engine is, beside `orjson.loads` of the same bytes in the same run. Behind `jikimi bench sigma`.

Rounds take turns: decode every line with orjson, then match the block. Time is CPU time of the one thread that works,
so a neighbour on the machine costs both alike. A built-in lane makes new events for every round; the first round, which
fills caches and makes programs, is told apart from the median of the others.
"""

import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, NamedTuple

import msgspec
import orjson

from bench.lanes import LANES
from collectors.files import Problems, read_events
from detectors.sigma.load import load_rules
from detectors.sigma.match import RuleSet
from jikimi.domain.event import MAX_BATCH_BYTES, canonical
from jikimi.domain.logsource import LogSource
from jikimi.errors import JikimiError, Misconfigured

EVENTS = 6_000
"""Of a built-in lane, a round."""
ROUNDS = 6
_BLOCK_EVENTS = 512

Tell = Callable[[str], None]


class Block(NamedTuple):
    logsource: LogSource
    lines: bytes
    events: int


class LaneFigures(msgspec.Struct, frozen=True):
    """Rates by the second of CPU; `of_orjson` is the time of matching over that of `orjson.loads`.

    `first_...` is the first round, with nothing remembered; the others are medians of the rounds after it. Candidates,
    decodes and field scans are by event.
    """

    lane: str
    events: int
    bytes_per_event: float
    events_per_second: float
    megabytes_per_second: float
    orjson_events_per_second: float
    of_orjson: float
    first_events_per_second: float
    candidates: float
    decodes: float
    field_scans: float
    matches: int
    caches_emptied: int


def measure(rules: Sequence[Path], files: Sequence[Path], tell: Tell) -> dict[str, Any]:
    """Every figure by name. Raises Misconfigured for rules or files that cannot be used."""
    rule_set, report = load_rules(rules)
    where = ", ".join(map(str, rules))
    if not report.files:
        raise Misconfigured(f"no rule (.yml) in {where}.")
    if not report.loaded:
        first = report.refused[0]
        raise Misconfigured(f"no rule in {where} can be used; {first.file}:{first.line}: {first.reason}.")
    blocks = _of_files(files, tell) if files else []
    start = _starts(rules, tell)
    if files:
        lanes = [_lane(", ".join(file.name for file in files), rule_set, [blocks] * ROUNDS, tell)]
    else:
        lanes = [_built_in(rule_set, *lane, tell) for lane in LANES]
    top = lanes[0]
    return {
        "events_per_second": top.events_per_second,
        "orjson_events_per_second": top.orjson_events_per_second,
        "rules": report.loaded,
        "refused": len(report.refused),
        **start,
        "resident_after_lanes_mb": resident_mb(),
        "lanes": [msgspec.to_builtins(lane) for lane in lanes],
    }


def _built_in(
    rules: RuleSet, name: str, logsource: LogSource, events: Callable[[Random], Iterator[Any]], tell: Tell
) -> LaneFigures:
    source = events(Random(name))  # noqa: S311 - the same events every time
    rounds = (list(_blocks((logsource, event) for event in islice(source, EVENTS))) for _ in range(ROUNDS))
    return _lane(name, rules, rounds, tell)


def _of_files(files: Sequence[Path], tell: Tell) -> list[Block]:
    problems = Problems()
    found = ((one.logsource, one.event) for file in files for one in read_events(file, problems=problems))
    blocks = list(_blocks(found))
    if not blocks:
        raise Misconfigured(f"there is no event in {', '.join(map(str, files))}")
    if str(problems):
        tell(f"input: {problems}")
    return blocks


def _blocks(events: Iterable[tuple[LogSource, Any]]) -> Iterator[Block]:
    """As batches travel: one log source, at most 256 kB."""
    open_: dict[LogSource, list[bytes]] = {}
    for logsource, event in events:
        lines = open_.setdefault(logsource, [])
        line = canonical(event) + b"\n"
        if lines and (len(lines) >= _BLOCK_EVENTS or sum(map(len, lines)) + len(line) > MAX_BATCH_BYTES):
            yield Block(logsource, b"".join(lines), len(lines))
            lines.clear()
        lines.append(line)
    for logsource, lines in open_.items():
        if lines:
            yield Block(logsource, b"".join(lines), len(lines))


def _lane(name: str, rules: RuleSet, rounds: Iterable[list[Block]], tell: Tell) -> LaneFigures:
    decoding: list[float] = []
    matching: list[float] = []
    found = 0
    before = (rules.counts.candidates, rules.counts.decoded, rules.field_scans, rules.counts.events)
    for number, blocks in enumerate(rounds):
        tell(f"{name}: round {number + 1} of {ROUNDS}")
        events, size = sum(block.events for block in blocks), sum(len(block.lines) for block in blocks)
        gc.collect()
        began = time.thread_time()
        _decode(blocks)
        decoding.append((time.thread_time() - began) / events)
        began = time.thread_time()
        found = sum(len(rules.match_canonical(block.logsource, block.lines)) for block in blocks)
        matching.append((time.thread_time() - began) / events)
        if number == 0:
            before = (rules.counts.candidates, rules.counts.decoded, rules.field_scans, rules.counts.events)
    seen = rules.counts.events - before[3]
    match, decode = median(matching[1:]), median(decoding[1:])
    return LaneFigures(
        lane=name,
        events=events,
        bytes_per_event=round(size / events, 1),
        events_per_second=round(1 / match, 1),
        megabytes_per_second=round(size / events / match / 1e6, 1),
        orjson_events_per_second=round(1 / decode, 1),
        of_orjson=round(median(m / d for m, d in zip(matching[1:], decoding[1:], strict=True)), 2),
        first_events_per_second=round(1 / matching[0], 1),
        candidates=round((rules.counts.candidates - before[0]) / seen, 4),
        decodes=round((rules.counts.decoded - before[1]) / seen, 4),
        field_scans=round((rules.field_scans - before[2]) / seen, 4),
        matches=found,
        caches_emptied=rules.caches_emptied,
    )


def _decode(blocks: list[Block]) -> None:
    loads = orjson.loads
    for block in blocks:
        for line in block.lines.splitlines():
            loads(line)


def _starts(rules: Sequence[Path], tell: Tell) -> dict[str, float]:
    """A process of its own that reads the rules and makes every program: without a cache, then with it."""
    with tempfile.TemporaryDirectory(prefix="jikimi-bench-") as folder:
        told = []
        for what in ("without a cache", "from its cache"):
            tell(f"start {what}")
            command = [sys.executable, "-m", "bench.sigma_start", folder, *map(str, rules)]
            ran = subprocess.run(command, capture_output=True, check=False)
            if ran.returncode:
                raise JikimiError(f"the start failed: {ran.stderr.decode(errors='replace').strip()[-400:]}")
            told.append(json.loads(ran.stdout))
    cold, warm = told
    return {
        "start_cold_seconds": cold["seconds"],
        "start_cached_seconds": warm["seconds"],
        "resident_mb": warm["resident_mb"],
    }


def resident_mb() -> float:
    """Memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * 4096 / 1e6, 1)


def table(result: dict[str, Any]) -> str:
    """The figures for people."""
    columns = (
        ("lane", "lane"),
        ("events/s", "events_per_second"),
        ("MB/s", "megabytes_per_second"),
        ("orjson/s", "orjson_events_per_second"),
        ("of orjson", "of_orjson"),
        ("first/s", "first_events_per_second"),
        ("candidates", "candidates"),
        ("decodes", "decodes"),
        ("scans", "field_scans"),
        ("B/event", "bytes_per_event"),
    )
    rows = [[title for title, _ in columns]]
    rows += [[_figure(lane[name]) for _, name in columns] for lane in result["lanes"]]
    widths = [max(len(row[place]) for row in rows) for place in range(len(columns))]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [
        "",
        f"rules: {result['rules']} loaded, {result['refused']} refused",
        f"start: {result['start_cold_seconds']} s without a cache, {result['start_cached_seconds']} s from it",
        f"memory: {result['resident_mb']} MB when started, {result['resident_after_lanes_mb']} MB after the lanes",
    ]
    return "\n".join(lines)


def _figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:g}"
    return str(value)
