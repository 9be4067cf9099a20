"""The detection section (Sigma rules specification, "Detection"): what pySigma would let pass without meaning."""

from typing import Any

from detectors.sigma.modifiers import Unsupported

_TIME_PARTS = frozenset({"minute", "hour", "day", "week", "month", "year"})
_PLAIN = (str, int, float, bool, type(None))


def check_detections(section: Any) -> None:
    """Raises `Unsupported` for an empty list or map, and for what is no value."""
    if not isinstance(section, dict):
        raise Unsupported("the detection must be a map of search identifiers and a condition", "detection:")
    if "timeframe" in section:
        raise Unsupported("a timeframe in a detection is not Sigma 2: write a correlation", "timeframe")
    for name, definition in section.items():
        if not isinstance(name, str):
            raise Unsupported(f"the search identifier {name!r} is not text", str(name))
        if name not in ("condition", "rules"):
            _check_search(name, definition)


def _check_search(name: str, definition: Any) -> None:
    if isinstance(definition, list | dict) and not definition:
        raise Unsupported(f"the search identifier {name!r} is empty", f"{name}:")
    if isinstance(definition, list):
        for item in definition:
            if item is None:
                raise Unsupported(f"{name!r}: null needs a field, it is no keyword", f"{name}:")
            if isinstance(item, dict | list):
                _check_search(name, item)
    elif isinstance(definition, dict):
        for field, values in definition.items():
            _check_field(field, values)
    elif definition is None:
        raise Unsupported(f"the search identifier {name!r} is empty", f"{name}:")


def _check_field(field: Any, values: Any) -> None:
    if not isinstance(field, str):
        raise Unsupported(f"the field name {field!r} is not text", str(field))
    if len(_TIME_PARTS.intersection(field.split("|")[1:])) > 1:
        raise Unsupported(f"{field!r} takes two parts of one time", field)
    if isinstance(values, list) and not values:
        raise Unsupported(f"the field {field!r} has an empty list of values", field)
    for value in values if isinstance(values, list) else [values]:
        if not isinstance(value, _PLAIN):
            raise Unsupported(f"the field {field!r} has a value that is neither text, number, boolean nor null", field)
