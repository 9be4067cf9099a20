"""The detection section (Sigma rules specification, "Detection"): what pySigma would let pass without meaning."""

from typing import Any

from detectors.sigma.modifiers import Unsupported
from detectors.sigma.values import number_text

NOT_SEARCHES = frozenset({"condition", "rules"})
"""Keys of a detection (and of a filter) that are no search identifiers."""
_TIME_PARTS = frozenset({"minute", "hour", "day", "week", "month", "year"})
_PLAIN = (str, int, float, bool, type(None))
_OF_ANY_TYPE = frozenset({"contains", "startswith", "endswith", "cased"})
_TYPED = frozenset({"lt", "lte", "gt", "gte", "exists", "fieldref", "re", "cidr", *_TIME_PARTS})
_ENCODE = frozenset({"base64", "base64offset", "utf16le", "utf16be", "utf16", "wide", "fieldref"})


def check_detections(section: Any) -> None:
    """Raises `Unsupported` for an empty list or map, and for what is no value."""
    if not isinstance(section, dict):
        raise Unsupported("the detection must be a map of search identifiers and a condition", "detection:")
    if "timeframe" in section:
        raise Unsupported("a timeframe in a detection is not Sigma 2: write a correlation", "timeframe:")
    for name, definition in section.items():
        if not isinstance(name, str):
            raise Unsupported(f"the search identifier {name!r} is not text", f"{name}:")
        if name not in NOT_SEARCHES:
            check_search(name, definition)


def check_search(name: str, definition: Any) -> None:
    """One search. Raises `Unsupported`."""
    if isinstance(definition, list | dict) and not definition:
        raise Unsupported(f"the search identifier {name!r} is empty", f"{name}:")
    if isinstance(definition, list):
        for item in definition:
            if item is None:
                raise Unsupported(f"{name!r}: null needs a field, it is no keyword", f"{name}:")
            if not isinstance(item, str | int | float):
                check_search(name, item)
    elif isinstance(definition, dict):
        for field, values in definition.items():
            check_field(field, values)
    elif definition is None:
        raise Unsupported(f"the search identifier {name!r} is empty", f"{name}:")
    elif not isinstance(definition, _PLAIN):
        raise Unsupported(f"the search identifier {name!r} is neither a map, a list nor a keyword", f"{name}:")


def check_field(field: Any, values: Any) -> None:
    """One field with its modifiers. Raises `Unsupported`."""
    if not isinstance(field, str):
        raise Unsupported(f"the field name {field!r} is not text", str(field))
    if isinstance(values, list) and not values:
        raise Unsupported(f"the field {field!r} has an empty list of values", field)
    for value in values if isinstance(values, list) else [values]:
        if not isinstance(value, _PLAIN):
            raise Unsupported(f"the field {field!r} has a value that is neither text, number, boolean nor null", field)
        _check_modifiers(field, frozenset(field.split("|")[1:]), value)
    if "exists" in field.split("|")[1:] and isinstance(values, list) and len(values) > 1:
        raise Unsupported(f"{field!r} is either true or false, not a list", field)


def _check_modifiers(field: str, modifiers: frozenset[str], value: Any) -> None:
    if len(_TIME_PARTS & modifiers) > 1:
        raise Unsupported(f"{field!r} takes two parts of one time", field)
    if "re" in modifiers and not isinstance(value, str):
        raise Unsupported(f"{field!r}: a regular expression is text, put {value!r} into quotes", field)
    if "expand" in modifiers and modifiers & _ENCODE and isinstance(value, str) and value.count("%") > 1:
        encoder = min(modifiers & _ENCODE)
        raise Unsupported(f"{field!r}: a placeholder's values cannot be put through {encoder!r}", field)


def in_texts(section: dict[Any, Any]) -> dict[Any, Any]:
    """The section with numbers as texts where a modifier for every type of value looks into them ("Generic modifiers").

    pySigma takes such modifiers for texts only.
    """
    return {name: part if name in NOT_SEARCHES else _search_in_texts(part) for name, part in section.items()}


def _search_in_texts(definition: Any) -> Any:
    if isinstance(definition, dict):
        return {field: with_texts(field, values) for field, values in definition.items()}
    return [_search_in_texts(item) for item in definition] if isinstance(definition, list) else definition


def with_texts(field: str, values: Any) -> Any:
    """A field's values, numbers and booleans as texts where its modifiers ask for it."""
    modifiers = frozenset(field.split("|")[1:])
    if not modifiers & _OF_ANY_TYPE or modifiers & _TYPED:
        return values
    return [_text(value) for value in values] if isinstance(values, list) else _text(values)


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value) if isinstance(value, int | float) else value
