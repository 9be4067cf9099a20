"""How an event's values are read: as fields, as text, as numbers, as times."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from detectors.sigma.tree import TimePart
from jikimi.domain.event import Event

_MILLISECONDS_FROM = 100_000_000_000


def fields_of(event: Event) -> Event:
    """The event as rules see it: nested objects also as `outer.inner`, names with spaces also without.

    Returns the same object when it is flat and no name has a space.
    """
    kinds = set(map(type, event.values()))
    if dict not in kinds and list not in kinds and " " not in "".join(event):
        return event
    added: Event = {}
    for name, value in event.items():
        if " " in name:
            added[name.replace(" ", "")] = value
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, dict) for v in value)):
            _flatten(name, value, added)
    return {**added, **event} if added else event


def _flatten(prefix: str, value: Any, into: Event) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _flatten(f"{prefix}.{name}", inner, into)
    elif isinstance(value, list) and any(isinstance(v, dict) for v in value):
        for item in value:
            _flatten(prefix, item, into)
    elif prefix in into:
        before = into[prefix]
        into[prefix] = [*(before if isinstance(before, list) else [before]), value]
    else:
        into[prefix] = value


def texts_of(value: Any) -> Iterator[str]:
    """The value's texts: one for a scalar, each item's for a list, none for null."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, int | float):
        yield number_text(value)
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item)


def all_texts(event: Event) -> Iterator[str]:
    """Every text anywhere in the event, for keywords."""
    for value in event.values():
        if isinstance(value, dict):
            yield from all_texts(value)
        elif isinstance(value, list):
            for item in value:
                yield from all_texts(item) if isinstance(item, dict) else texts_of(item)
        else:
            yield from texts_of(value)


def number_text(number: int | float) -> str:
    """`42`, also for 42.0; otherwise as Python writes it."""
    if isinstance(number, float) and number.is_integer():
        return str(int(number))
    return str(number)


def is_null(value: Any) -> bool:
    """Missing (None), null, or a list of nothing else."""
    return value is None or (isinstance(value, list) and all(is_null(v) for v in value))


def as_number(text: str) -> float | None:
    """The number a text writes in decimal, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if number == number else None


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
