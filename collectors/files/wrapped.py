"""Exports that put records into another object.

Many into one: CloudTrail's `Records`, Azure's `records`, Graph's `value`, Elasticsearch's `hits.hits`, osquery's
`snapshot`. One into one: Splunk's `result`, a shipper's `event`, and a Windows event's XML (or Splunk's text of it) in
Splunk's `_raw` or a shipper's `message`.
"""

from collections.abc import Iterator
from typing import Any

from collectors.logs.event_xml import xml_event
from collectors.logs.windows_pairs import pairs_event
from collectors.source_event import SourceEvent

_LISTS = ("Records", "records", "value")
_SNAPSHOT = {"snapshot", "hostIdentifier"}
"""osquery's list of rows, beside what it says of all of them."""
_AROUND = {"result": ("preview", "offset", "lastrow"), "event": (), "Event": ()}
"""Name → what else stands beside it."""
_XML = ("_raw", "message", "xml", "event.original")


def unwrapped(objects: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each record of such an object; every other object as it is."""
    for outer in objects:
        value = _inner(outer)
        hits = value.get("hits")
        if isinstance(hits, dict) and _is_list_of_objects(hits.get("hits")):
            yield from (hit for hit in hits["hits"] if isinstance(hit, dict))
            continue
        if value.keys() >= _SNAPSHOT and _is_list_of_objects(value["snapshot"]):
            beside = {name: told for name, told in value.items() if name != "snapshot"}
            yield from ({**beside, "columns": row} for row in value["snapshot"] if isinstance(row, dict))
            continue
        records = next((value[name] for name in _LISTS if _is_list_of_objects(value.get(name))), None)
        if records is None or not _is_a_wrapper(value):
            yield value
        else:
            yield from (record for record in records if isinstance(record, dict))


def _inner(outer: dict[str, Any]) -> dict[str, Any]:
    """What an object holds that has nothing else to say."""
    for name, beside in _AROUND.items():
        inner = outer.get(name)
        if isinstance(inner, dict) and "System" not in inner and outer.keys() <= {name, *beside}:
            return inner
    return outer


def event_in(record: dict[str, Any]) -> SourceEvent | None:
    """The Windows event whose XML, or Splunk's text of it, the record carries; None for any other record."""
    event = record.get("event")
    texts = [record.get(name) for name in _XML] + [event.get("original") if isinstance(event, dict) else None]
    xml = next((text for text in texts if isinstance(text, str) and text.lstrip().startswith("<Event")), None)
    if xml is not None:
        return xml_event(xml.strip())
    pairs = next((text for text in texts if isinstance(text, str) and "\nEventCode=" in text), None)
    return pairs_event(pairs) if pairs is not None else None


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _is_a_wrapper(value: dict[str, Any]) -> bool:
    """Nothing beside the list but notes on the export (`@odata.context`, `nextLink`)."""
    return all(name in _LISTS or name.startswith("@odata") or name.lower() == "nextlink" for name in value)
