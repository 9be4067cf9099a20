"""How an event's values are read: as fields, as text, as numbers, as times."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from detectors.sigma.tree import TimePart
from jikimi.domain.event import Event

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_MILLISECONDS_FROM = 100_000_000_000


def fields_of(event: Event, *, spaced: bool = True) -> Event:
    """The event as rules see it: nested objects also as `outer.inner`, names with spaces (`spaced`) also without.

    Returns the same object when it is flat and no name has a space.
    """
    added: Event = {}
    if spaced and " " in "".join(event):
        added = {name.replace(" ", ""): value for name, value in event.items() if " " in name}
    kinds = set(map(type, event.values()))
    if dict in kinds or list in kinds:
        for name, value in event.items():
            kind = type(value)
            if kind is dict or (kind is list and dict in map(type, value)):
                _flatten(name, value, added)
    return {**added, **event} if added else event


def _flatten(name: str, value: Any, into: Event) -> None:
    """By a stack and not by recursion: an event nested a thousand deep is an attack, not an error."""
    open_ = [(name, value)]
    while open_:
        prefix, inner = open_.pop()
        if isinstance(inner, dict):
            open_ += [(f"{prefix}.{key}", part) for key, part in inner.items()]
        elif isinstance(inner, list) and any(isinstance(part, dict) for part in inner):
            open_ += [(prefix, part) for part in inner]
        elif prefix in into:
            before = into[prefix]
            into[prefix] = [*(before if isinstance(before, list) else [before]), inner]
        else:
            into[prefix] = inner


def texts_of(value: Any) -> Iterator[str]:
    """The value's texts: one for a scalar, each item's for a list, none for null or an object."""
    open_ = [value]
    while open_:
        inner = open_.pop()
        if isinstance(inner, list):
            open_ += reversed(inner)
        elif (text := _text(inner)) is not None:
            yield text


def all_texts(value: Any) -> Iterator[str]:
    """Every text anywhere in an event, or in one of its values, for keywords."""
    open_ = [value]
    while open_:
        inner = open_.pop()
        if isinstance(inner, dict):
            open_ += inner.values()
        elif isinstance(inner, list):
            open_ += reversed(inner)
        elif (text := _text(inner)) is not None:
            yield text


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not isfinite(value):  # JSON writes no such number
        return None
    return number_text(value) if isinstance(value, int | float) else None


def number_text(number: int | float) -> str:
    """`42`, also for 42.0; otherwise as Python writes it."""
    if isinstance(number, float) and number.is_integer():
        return str(int(number))
    return str(number)


def is_null(value: Any) -> bool:
    """Missing (None), null, or a list of nothing else."""
    open_ = [value]
    while open_:
        inner = open_.pop()
        if isinstance(inner, list):
            open_ += reversed(inner)
        elif inner is not None:
            return False
    return True


def as_number(text: str) -> float | None:
    """The number a text writes in decimal, or None."""
    bare = text.strip()  # float strips fewer characters than strip: U+001F is one
    return float(bare) if _NUMBER.fullmatch(bare) else None


def time_part(text: str, part: TimePart) -> int | None:
    """Minute, hour, day, ISO week, month or year of a time (ISO 8601, or seconds or milliseconds since 1970, UTC)."""
    moment = _as_time(text)
    if moment is None:
        return None
    return moment.isocalendar().week if part == "week" else int(getattr(moment, part))


def _as_time(text: str) -> datetime | None:
    try:
        number = as_number(text)
        if number is None:
            return datetime.fromisoformat(text)
        return datetime.fromtimestamp(number / 1000 if abs(number) >= _MILLISECONDS_FROM else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None
