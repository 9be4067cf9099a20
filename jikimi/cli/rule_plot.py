"""How `jikimi rules backtest` tells what rules would have found: counts, a bar a day, examples."""

import sys
from datetime import UTC, datetime, timedelta

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from detectors.workshop.backtest import Backtested, RuleHits
from jikimi.cli.printed import say_some

_BARS = " ▁▂▃▄▅▆▇█"
WIDTH = 60
"""Days or weeks shown at most; a longer time is shown in equal parts."""
SHOWN = 50
_COLOUR = {"critical": "red", "high": "yellow", "medium": "cyan", "low": "blue"}


def told(found: Backtested, as_json: bool) -> None:
    """A table, a plot and examples (or one JSON object) on stdout; what was read and how fast on stderr."""
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        _tell(found, Console())
    rate = found.events / max(found.seconds, 1e-6)
    say_some([f"refused: {refusal}" for refusal in found.refused])
    for title, why in found.failed.items():
        print(f"set aside, it failed on an event: {title}: {why}", file=sys.stderr)
    if found.blind:
        print(f"{len(found.blind)} rules are blind: nothing here delivers their log source", file=sys.stderr)
    if not found.complete:
        print("stopped before the end: the time allowed was used up; ask for less time or fewer rules", file=sys.stderr)
    print(f"{found.events:,} events in {found.seconds:.1f} s ({rate:,.0f}/s), {found.hits:,} hits", file=sys.stderr)


def _tell(found: Backtested, console: Console) -> None:
    firing = [rule for rule in found.rules if rule.hits]
    if found.first is None or found.last is None:
        console.print("no event in this time")
        return
    span = f"{found.first:%Y-%m-%d %H:%M} to {found.last:%Y-%m-%d %H:%M} UTC"
    if not firing:
        console.print(f"no hit in {found.events:,} events of {span}")
        return
    days = _days(found.first, found.last, found)
    table = Table("hits", "level", "rule", f"{days[0]} … {days[-1]}", title=span, box=None, title_justify="left")
    for rule in firing[:SHOWN]:
        plot = Text(sparkline([rule.by_day.get(day, 0) for day in days]), _COLOUR.get(rule.level, ""))
        table.add_row(f"{rule.hits:,}", rule.level, Text(rule.title), plot)
    console.print(table)
    if len(firing) > SHOWN:
        console.print(f"… and {len(firing) - SHOWN} more rules; --json tells all")
    for rule in firing[:SHOWN]:
        _tell_rule(rule, console)


def _tell_rule(rule: RuleHits, console: Console) -> None:
    companies = ", ".join(f"{name} {hits:,}" for name, hits in sorted(rule.by_tenant.items(), key=lambda one: -one[1]))
    most = max(rule.by_day, key=lambda day: rule.by_day[day])
    head = Text(f"\n{rule.title}", "bold")
    console.print(head.append(f"  {companies}; most on {most}: {rule.by_day[most]:,}", "not bold"))
    for one in rule.examples:
        console.print(
            Text(f"  {one.time.astimezone(UTC):%Y-%m-%d %H:%M:%S}  {one.tenant}  {one.sentence}  ({one.name})")
        )


def sparkline(numbers: list[int]) -> str:
    """One letter a number, or a sum of neighbours where there are more than WIDTH; nothing is a space."""
    each = max(1, -(-len(numbers) // WIDTH))
    parts = [sum(numbers[n : n + each]) for n in range(0, len(numbers), each)]
    most = max(parts, default=0) or 1
    return "".join(_BARS[-(-part * (len(_BARS) - 1) // most)] for part in parts)


def _days(first: datetime, last: datetime, found: Backtested) -> list[str]:
    """Every day that was read; only those with a hit when it was more than ten years (a clock that was wrong)."""
    if last - first > timedelta(days=3_660):
        return sorted({day for rule in found.rules for day in rule.by_day})
    return [(first.date() + timedelta(days=n)).isoformat() for n in range((last.date() - first.date()).days + 1)]
