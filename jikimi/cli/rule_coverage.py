"""How `jikimi rules coverage` tells what the rules watch: a table, JSON, a Navigator layer, a page."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from detectors.workshop.coverage import Coverage
from detectors.workshop.coverage_page import cells, page
from detectors.workshop.navigator import layer
from jikimi.errors import Misconfigured


def told(covered: Coverage, *, as_json: bool, html: Path | None, navigator: Path | None) -> None:
    """JSON or a table on stdout, unless only files were asked for; Misconfigured for one that cannot be written."""
    if html is not None:
        _write(html, page(covered, datetime.now(UTC)))
    if navigator is not None:
        _write(navigator, json.dumps(layer(covered, "Jikimi"), ensure_ascii=False, indent=1) + "\n")
    if as_json:
        print(msgspec.json.encode(covered).decode())
    elif html is None and navigator is None:
        _table(covered)
    print(
        f"{covered.rules:,} rules that alert: {covered.seeing:,} see a source that is delivered, "
        f"{covered.rules - covered.seeing:,} are blind, {covered.untagged:,} name no tactic or technique; "
        f"{covered.techniques} techniques",
        file=sys.stderr,
    )


def _table(covered: Coverage) -> None:
    table = Table("tactic", "rules", "blind", "techniques: rules (blind ones in brackets)", box=None, pad_edge=False)
    for tactic in covered.tactics:
        shown = [
            f"{cell.head.id} {cell.rules}" if cell.rules else f"{cell.head.id} ({cell.blind})"
            for cell in cells(tactic)
            if cell.rules or cell.blind
        ]
        gaps = len(cells(tactic)) - len(shown)
        told = ", ".join(shown) + (f"; {gaps} without a rule" if gaps else "")
        table.add_row(tactic.name, f"{tactic.rules:,}", f"{tactic.blind:,}", told)
    console = Console()
    console.print(table)
    if covered.blind_sources:
        console.print("\nblind for lack of a source:", highlight=False)
        for source, number in list(covered.blind_sources.items())[:10]:
            console.print(f"  {number:>5,}  {source}", highlight=False)
        if (more := len(covered.blind_sources) - 10) > 0:
            console.print(f"  … and {more} more sources", highlight=False)


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Misconfigured(f"{file}: cannot be written ({error.strerror})") from error
    print(f"wrote {file}", file=sys.stderr)
