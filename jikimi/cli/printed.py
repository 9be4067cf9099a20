"""How commands print what they were told: one record, a table, or JSON for scripts."""

import json
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import typer

SHOWN = 20
"""Problems told one by one; the rest as a number."""


def print_one(told: Mapping[str, Any], as_json: bool, *columns: str) -> None:
    """The named columns of one record, those that are not empty."""
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    width = max(len(column) for column in columns)
    for column in columns:
        if told.get(column) not in (None, ""):
            typer.echo(f"{column:<{width}}  {_text(told[column])}")


def print_many(told: Sequence[Mapping[str, Any]], as_json: bool, *columns: str) -> None:
    """The named columns of each record under their names."""
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    rows = [columns, *(tuple(_text(row.get(column)) for column in columns) for row in told)]
    widths = [max(_cells(row[i]) for row in rows) for i in range(len(columns))]
    for row in rows:
        cells = (text + " " * (width - _cells(text)) for text, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def say_some(sentences: Sequence[str], untold: int = 0) -> None:
    """The first sentences on stderr, and how many more there are, with those counted but not worded."""
    for sentence in sentences[:SHOWN]:
        print(f"  {sentence}", file=sys.stderr)
    more = len(sentences[SHOWN:]) + untold
    if more:
        print(f"  … and {more} more like these", file=sys.stderr)


def _text(value: object) -> str:
    if isinstance(value, str) and value.endswith("Z") and "T" in value:
        try:
            return datetime.fromisoformat(value).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        except ValueError:
            return value
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return "-" if value is None else str(value)


def _cells(text: str) -> int:
    """Terminal columns: a Hangul syllable takes two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
