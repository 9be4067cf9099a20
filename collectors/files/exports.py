"""Windows events as other products export them, in the shape that `windows_record.flatten` knows.

Wazuh (`data.win`), osquery (`columns`), EvtxECmd (`Payload`), Kibana (`fields`), Velociraptor's EvtxHunter and log
shippers (a flat head and EventData beside it), Splunk, Get-WinEvent and Sentinel (EventCode, LogName, EventLog, …),
Graylog (joined by underscores). Everything else is returned as it came.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from jikimi.domain.event import Event
from jikimi.domain.windows import service_of

_SECTIONS = {"EventData": "EventData", "event_data": "EventData", "UserData": "UserData", "user_data": "UserData"}
_GRAYLOG = "winlogbeat_winlog_"
_OSQUERY_HEAD = {"Level": "level", "Task": "task", "Keywords": "keywords"}
_HEAD: Mapping[str, tuple[str, ...]] = {
    "EventID": ("EventID", "EventId", "EventCode", "event_id", "eventID", "Id"),
    "Channel": ("Channel", "LogName", "channel", "log_name", "EventLog"),
    "Provider_Name": (
        "Provider_Name",
        "ProviderName",
        "Provider",
        "SourceName",
        "provider_name",
        "providerName",
        "source_name",
        "Source",
    ),
    "Computer": ("Computer", "ComputerName", "MachineName", "computer_name", "computer"),
}


def unpacked(raw: Event) -> Event:
    """The record, nested as Windows nests it or flat with the system's own names; `raw` where it is no such export."""
    if "EventID" in raw and "Channel" in raw:
        return _nested(raw, raw) if any(name in raw for name in _SECTIONS) else raw
    if any(name.startswith(_GRAYLOG) for name in raw):
        return _from_graylog(raw)
    if "System.EventID" in raw or "Event.System.EventID" in raw:
        return _undotted(raw)
    fields = raw.get("fields")
    if "_index" in raw and isinstance(fields, dict) and "_source" not in raw:
        return fields
    columns = raw.get("columns", raw)
    if isinstance(columns, dict) and "eventid" in columns and isinstance(columns.get("data"), str):
        return _from_osquery(raw, columns)
    data = raw.get("data", raw)
    win = data.get("win") if isinstance(data, dict) else None
    if isinstance(win, dict) and isinstance(win.get("system"), dict):
        return _from_wazuh(raw, win)
    if isinstance(raw.get("Payload"), str) and "EventId" in raw:
        return _nested(
            raw, {name: value for name, value in raw.items() if name != "Payload"} | _payload(raw["Payload"])
        )
    return _nested(raw, raw)


def _nested(raw: Event, whole: Event) -> Event:
    """`whole` with the system's names for its head and its sections; `raw` when its head is no Windows event's."""
    names = {ours: name for ours, theirs in _HEAD.items() if (name := _first(whole, theirs)) is not None}
    if not {"EventID", "Channel"} <= names.keys() or not _is_windows(whole[names["EventID"]], whole[names["Channel"]]):
        return raw
    head = {ours: whole[name] for ours, name in names.items()}
    rest = {name: value for name, value in whole.items() if name not in names.values()}
    if "RenderedDescription" in rest:
        rest.setdefault("Message", rest.pop("RenderedDescription"))
    sections = {_SECTIONS[name]: data for name in _SECTIONS if (data := _section(rest, name)) is not None}
    rest = {name: value for name, value in rest.items() if _SECTIONS.get(name.partition(".")[0]) not in sections}
    if not sections:
        return {**head, **rest}
    provider = {"Provider": {"Name": head.pop("Provider_Name")}} if "Provider_Name" in head else {}
    return {"System": {**head, **provider}, **sections, **{name: v for name, v in rest.items() if v is not None}}


def _section(rest: Event, name: str) -> dict[str, Any] | list[Any] | None:
    """What stands under the name, or under `name.field`."""
    dotted = {path.removeprefix(f"{name}."): value for path, value in rest.items() if path.startswith(f"{name}.")}
    return _data(rest.get(name)) or dotted or None


def _data(written: Any) -> dict[str, Any] | list[Any] | None:
    """A section as it is, or the object that a text of JSON writes."""
    if isinstance(written, str) and written.lstrip().startswith("{"):
        try:
            written = orjson.loads(written)
        except orjson.JSONDecodeError:
            return None
    return written if isinstance(written, dict | list) else None


def _from_graylog(raw: Event) -> Event:
    """Winlogbeat's names joined by underscores: `winlogbeat_winlog_event_data_Image`."""
    return {_dotted(name.removeprefix(_GRAYLOG)) if name.startswith(_GRAYLOG) else name: v for name, v in raw.items()}


def _dotted(name: str) -> str:
    part = next((part for part in ("event_data", "user_data") if name.startswith(f"{part}_")), None)
    return f"winlog.{part}.{name.removeprefix(f'{part}_')}" if part else f"winlog.{name}"


def _undotted(raw: Event) -> Event:
    """Names of the whole path: `Event.System.TimeCreated.SystemTime`, `Event.EventData.Image`."""
    nested: Event = {}
    for path, value in raw.items():
        head, _, tail = path.removeprefix("Event.").partition(".")
        inside, name = nested, head
        while tail:
            below = inside.setdefault(name, {})
            if not isinstance(below, dict):
                break
            inside = below
            name, _, tail = tail.partition(".") if head == "System" else (tail, "", "")
        inside[name] = value
    return nested


def _first(raw: Event, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if isinstance(raw.get(name), str | int | float)), None)


def _is_windows(event_id: Any, channel: Any) -> bool:
    """Other logs have an `event_id` and a `channel` too."""
    numeric = not isinstance(event_id, bool) and str(event_id).removesuffix(".0").isdecimal()
    return numeric and isinstance(channel, str) and (service_of(channel) is not None or "/" in channel)


def _from_osquery(raw: Event, row: Event) -> Event:
    """A row of `windows_events` or `windows_eventlog`; beside it the results log says which host sent it."""
    content = _data(row["data"])
    sections = {name: content[name] for name in _SECTIONS if name in content} if isinstance(content, dict) else {}
    return {
        "System": {
            "EventID": row["eventid"],
            "Channel": row.get("source") or row.get("channel"),
            "Provider": {"Name": row.get("provider_name"), "Guid": row.get("provider_guid")},
            "Computer": row.get("computer_name") or raw.get("hostIdentifier"),
            "TimeCreated": {"SystemTime": row.get("datetime") or raw.get("unixTime")},
            **{ours: row[theirs] for ours, theirs in _OSQUERY_HEAD.items() if theirs in row},
        },
        **(sections or {"EventData": {"Message": row["data"]}}),
    }


def _from_wazuh(raw: Event, win: Event) -> Event:
    """Its names begin in lower case: `commandLine` is CommandLine. UserData stands under its own element's name."""
    system = {_upper(name): value for name, value in win["system"].items()}
    data = win.get("eventdata")
    others = [value for name, value in win.items() if name not in ("system", "eventdata") and isinstance(value, dict)]
    return {
        "System": {
            **system,
            "Provider": {"Name": system.pop("ProviderName", None), "Guid": system.pop("ProviderGuid", None)},
            "TimeCreated": {"SystemTime": system.pop("SystemTime", raw.get("timestamp"))},
        },
        "EventData": _capitals(data) if isinstance(data, dict) else {},
        "UserData": {name: value for other in others for name, value in _capitals(other).items()},
    }


def _capitals(section: Event) -> Event:
    return {_upper(name): value for name, value in section.items()}


def _upper(name: str) -> str:
    return name[:1].upper() + name[1:]


def _payload(text: str) -> Event:
    """EvtxECmd keeps EventData or UserData as JSON in a text."""
    content = _data(text)
    sections = {name: content[name] for name in _SECTIONS if name in content} if isinstance(content, dict) else {}
    return sections or {"Payload": text}
