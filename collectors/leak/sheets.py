"""Spreadsheets (ECMA-376 part 1, 18.3, 18.4): each cell's words where the cell stands.

Excel keeps text apart, once each ("shared strings"), and the cells only number it. Read apart, a sheet would have
nothing in common with the same sheet saved as ODS or CSV, or pasted into a report.
"""

import re

_ITEM = re.compile(r"<(?:\w+:)?si\b[^>]*?(?:/>|>(.*?)</(?:\w+:)?si>)", re.DOTALL)
_PHONETIC = re.compile(r"<(?:\w+:)?rPh\b.*?</(?:\w+:)?rPh>", re.DOTALL)
_CELL = re.compile(r"<(?:\w+:)?c\b([^>]*?)(?:/>|>(.*?)</(?:\w+:)?c>)", re.DOTALL)
_VALUE = re.compile(r"<(?:\w+:)?v\b[^>]*>(.*?)</(?:\w+:)?v>", re.DOTALL)


def shared_strings(xml: str) -> list[str]:
    """The texts that cells number, still with their tags."""
    return [_PHONETIC.sub("", item[1] or "") for item in _ITEM.finditer(xml)]


def with_texts(sheet: str, shared: list[str]) -> str:
    """The sheet's XML with each cell's text or value in the cell's place; a formula only where it has no value."""

    def said(cell: re.Match[str]) -> str:
        inside = cell[2] or ""
        value = _VALUE.search(inside)
        if value is None:
            return f" {inside} "
        if 't="s"' in cell[1]:
            number = value[1].strip()
            return f" {shared[int(number)]} " if number.isdigit() and int(number) < len(shared) else " "
        return f" {value[1]} "

    return _CELL.sub(said, sheet)
