"""Which group of a correlation an event belongs to, and what is counted of it (Sigma correlations 2.1, "Grouping").

Of a list the first value stands for the event. Values are equal without regard to case, as everywhere in Sigma.
"""

import hashlib

import orjson

from detectors.sigma.rule import Correlation
from detectors.sigma.sighting import Sighting, digest
from detectors.sigma.values import as_number, texts_of
from jikimi.domain.event import Event

LARGEST = 1e290
"""Numbers beyond count as this: a sum of them stays one, whatever somebody writes into an event."""


def group_of(correlation: Correlation, rule_id: str, event: Event) -> dict[str, str] | None:
    """The group's values, or None when the event lacks one of them: it belongs to no group ("Grouping")."""
    group = {}
    for name in correlation.group_by:
        value = next(texts_of(event.get(_field(correlation, name, rule_id))), None)
        if value is None:
            return None
        group[name] = value
    return group


def _field(correlation: Correlation, name: str, rule_id: str) -> str:
    """The field that a name stands for in the events of a rule ("Field Name Aliases")."""
    return correlation.aliases.get(name, {}).get(rule_id, name)


def key_of(group: dict[str, str]) -> str:
    """Bounded, since it is a database key: long group values are told apart by a digest."""
    text = orjson.dumps([value.casefold() for value in group.values()]).decode()
    return text if len(text) <= 400 else f"{text[:300]}#{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def sighting_of(correlation: Correlation, rule_id: str, event: Event, event_id: str, time: float) -> Sighting | None:
    """None when the event lacks a counted value, or it is no number where one is calculated with."""
    place = correlation.rules.index(rule_id)
    if correlation.type == "event_count":
        return Sighting(time, place, event_id)
    if correlation.type in ("temporal", "temporal_ordered"):
        return Sighting(time, place, event_id, place)
    fields = [_field(correlation, name, rule_id) for name in correlation.field]
    values = [text for field in fields if (text := next(texts_of(event.get(field)), None)) is not None]
    if len(values) != len(fields):
        return None
    if correlation.type == "value_count":
        return Sighting(time, place, event_id, digest("\x1f".join(values).casefold()))
    number = as_number(values[0])
    if number is None:
        return None
    return Sighting(time, place, event_id, number=min(max(number, -LARGEST), LARGEST))
