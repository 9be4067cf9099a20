"""Exports that put many records into one object: CloudTrail's `Records`, Azure's `records`, Graph's `value`."""

from collections.abc import Iterator
from typing import Any

_LISTS = ("Records", "records", "value")


def unwrapped(objects: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each record of such an object; every other object as it is."""
    for value in objects:
        records = next((value[name] for name in _LISTS if _is_list_of_objects(value.get(name))), None)
        if records is None or not _is_a_wrapper(value):
            yield value
        else:
            yield from (record for record in records if isinstance(record, dict))


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _is_a_wrapper(value: dict[str, Any]) -> bool:
    """Nothing beside the list but notes on the export (`@odata.context`, `nextLink`)."""
    return all(name in _LISTS or name.startswith("@odata") or name.lower() == "nextlink" for name in value)
