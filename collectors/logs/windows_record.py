"""Windows events, however nested, flattened to the field names that Sigma rules use.

Shapes known: `Event.System/EventData/UserData` as pyevtx-rs, evtx_dump and xmltodict write it (attributes under
`#attributes`, `X_attributes` or `@name`), the same without `Event` (Velociraptor), and Winlogbeat's `winlog.*`,
nested or dotted, also inside Elasticsearch's `_source`. Everything else is returned as it came.
"""

from collections.abc import Iterator
from typing import Any

from collectors.logs.cleared_log import name_cleared_log
from collectors.logs.ecs import ecs_names
from collectors.logs.missing_channel import name_channel
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.windows import categories_of, id_of

_PLAIN = ("Channel", "Computer", "Version", "Level", "Task", "Opcode", "Keywords")
_NOT_DATA = {"System", "#attributes", "@xmlns", "Event_attributes"}


def flatten(raw: Event) -> Event:
    """A flat event with Sigma's names; `raw` itself when it is flat already."""
    event = _flat(raw)
    name_channel(event)
    name_cleared_log(event)
    return event


def _flat(raw: Event) -> Event:
    source = raw.get("_source")
    if isinstance(source, dict):
        raw = source
    event = raw.get("Event")
    if isinstance(event, dict) and isinstance(event.get("System"), dict):
        return _from_xml(
            event, {name: value for name, value in raw.items() if name not in ("Event", "Event_attributes")}
        )
    system = raw.get("System")
    if isinstance(system, dict) and ({"EventData", "UserData"} & raw.keys() or {"EventID", "Channel"} <= system.keys()):
        return _from_xml(raw, {})
    if isinstance(raw.get("winlog"), dict):
        return _from_winlogbeat(raw, raw["winlog"])
    if any(name.startswith("winlog.") for name in raw):
        dotted = {name.removeprefix("winlog."): value for name, value in raw.items() if name.startswith("winlog.")}
        rest = {name: value for name, value in raw.items() if not name.startswith("winlog.")}
        return _from_winlogbeat(rest, _nested(dotted))
    number = raw.get("EventID")
    if isinstance(number, str) and number.isdecimal():
        raw["EventID"] = int(number)
    return raw


def _from_xml(event: Event, beside: Event) -> Event:
    system = event["System"]
    flat: Event = {}
    created = _attribute(system, "TimeCreated", "SystemTime")
    if created is not None:
        flat[TIMESTAMP] = created
    provider = _attribute(system, "Provider", "Name")
    if provider is not None:
        flat["Provider_Name"] = provider
    flat["EventID"] = _number(system.get("EventID"))
    record = system.get("EventRecordID", system.get("RecordNumber"))
    if record is not None:
        flat["EventRecordID"] = _number(record)
    for name in _PLAIN:
        value = _text_of(system.get(name))
        if value is not None:
            flat[name] = value
    for name, value in event.items():
        if name not in _NOT_DATA and not name.endswith("_attributes"):
            _add_section(flat, name, value)
    for name, value in (
        ("Provider_Guid", _attribute(system, "Provider", "Guid")),
        ("Execution_ProcessID", _attribute(system, "Execution", "ProcessID")),
        ("Execution_ThreadID", _attribute(system, "Execution", "ThreadID")),
        ("Security_UserID", _attribute(system, "Security", "UserID")),
        ("Correlation_ActivityID", _attribute(system, "Correlation", "ActivityID")),
    ):
        if value is not None:
            flat.setdefault(name, value)
    for name, value in beside.items():
        flat.setdefault(name, value)
    return flat


def _add_section(flat: Event, section: str, content: Any) -> None:
    """Add EventData, UserData or RenderingInfo; a name that `System` has already taken is kept as `Section_Name`."""
    for name, value in _pairs(content, section):
        free = name if name not in flat else f"{section}_{name}"
        flat.setdefault(free, value)


def _pairs(content: Any, section: str) -> Iterator[tuple[str, Any]]:
    if isinstance(content, dict):
        for name, value in content.items():
            if name == "#attributes" or name.startswith("@") or name.endswith("_attributes"):
                continue
            if name == "Data":
                yield from _data(value)
            elif isinstance(value, dict) and "#text" not in value:
                yield from _pairs(value, section)
            else:
                yield name, _value(value)
    elif isinstance(content, list) and any(isinstance(item, dict) for item in content):
        yield from _data(content)
    elif content is not None:
        yield section, _value(content)


def _data(value: Any) -> Iterator[tuple[str, Any]]:
    """`<Data Name="X">v</Data>` gives X; unnamed ones together give `Data`, a list when there are several."""
    unnamed: list[Any] = []
    for item in value if isinstance(value, list) else [value]:
        name = None
        if isinstance(item, dict):
            attributes = item.get("#attributes")
            name = attributes.get("Name") if isinstance(attributes, dict) else item.get("@Name", item.get("Name"))
        if isinstance(name, str):
            yield name, _value(item.get("#text", item.get("Value", item.get("text", ""))))
            continue
        content = _value(item)
        unnamed.extend(content if isinstance(content, list) else [content])
    if unnamed:
        yield "Data", unnamed[0] if len(unnamed) == 1 else unnamed


def _value(value: Any) -> Any:
    """A leaf: booleans as Windows' XML writes them ("true"), which is what rules compare with."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return _value(value.get("#text")) if "#text" in value else value
    if isinstance(value, list):
        return [_value(item) for item in value]
    return value


def _attribute(system: Event, element: str, name: str) -> Any:
    beside = system.get(f"{element}_attributes")
    if isinstance(beside, dict):
        return beside.get(name)
    inside = system.get(element)
    if not isinstance(inside, dict):
        return None
    attributes = inside.get("#attributes")
    if isinstance(attributes, dict):
        return attributes.get(name)
    return inside.get(f"@{name}", inside.get(name))


def _text_of(value: Any) -> Any:
    return value.get("#text", value.get("Value")) if isinstance(value, dict) else value


def _number(value: Any) -> Any:
    value = _text_of(value)
    return int(value) if isinstance(value, str) and value.isdecimal() else value


_WINLOGBEAT = {
    "event_id": "EventID",
    "record_id": "EventRecordID",
    "channel": "Channel",
    "computer_name": "Computer",
    "provider_name": "Provider_Name",
    "provider_guid": "Provider_Guid",
    "task": "Task",
    "opcode": "Opcode",
    "keywords": "Keywords",
    "version": "Version",
    "activity_id": "Correlation_ActivityID",
}


def _from_winlogbeat(raw: Event, winlog: Event) -> Event:
    flat: Event = {}
    if TIMESTAMP in raw:
        flat[TIMESTAMP] = _single(raw[TIMESTAMP])
    for theirs, ours in _WINLOGBEAT.items():
        if theirs in winlog:
            value = _single(winlog[theirs])
            flat[ours] = _number(value) if ours in ("EventID", "EventRecordID") else value
    for theirs, section in (("event_data", "EventData"), ("user_data", "UserData")):
        data = winlog.get(theirs)
        if isinstance(data, dict):
            for name, value in data.items():
                _add_section(flat, section, {name: _single(value)})
    _add_ecs(flat, raw)
    flat.setdefault("Message", _single(raw.get("message")))
    for name, value in raw.items():
        if name not in ("winlog", "message"):
            flat.setdefault(name, value)
    rest = {
        name: value
        for name, value in winlog.items()
        if name not in _WINLOGBEAT and name not in ("event_data", "user_data")
    }
    if rest:
        flat["winlog"] = rest
    if flat["Message"] is None:
        del flat["Message"]
    return flat


def _add_ecs(flat: Event, raw: Event) -> None:
    """What Elastic's pipelines have moved out of `event_data`."""
    channel, number = flat.get("Channel"), id_of(flat)
    if isinstance(channel, str) and number is not None:
        for name, value in ecs_names(raw, categories_of(channel, number)).items():
            flat.setdefault(name, value)


def _single(value: Any) -> Any:
    """Exports from Kibana wrap every value in a list of one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _nested(dotted: Event) -> Event:
    nested: Event = {}
    for path, value in dotted.items():
        head, _, tail = path.partition(".")
        if tail and head in ("event_data", "user_data", "process", "user"):
            inner = nested.setdefault(head, {})
            if isinstance(inner, dict):
                inner[tail] = value
        else:
            nested[path] = value
    return nested
