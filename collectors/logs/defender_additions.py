"""What Microsoft Defender's table DeviceEvents tells in `AdditionalFields`, an object of its own for each action.

Source: Microsoft, "DeviceEvents" (advanced hunting schema), and the portal's schema reference for its ActionTypes.
"""

from collections.abc import Callable, Mapping

import orjson

from jikimi.domain.event import Event

ACTIONS: Mapping[str, str] = {
    "NamedPipeEvent": "pipe_created",
    "CreateRemoteThreadApiCall": "create_remote_thread",
    "OpenProcessApiCall": "process_access",
    "DnsQueryResponse": "dns_query",
    "DriverLoad": "driver_load",
    "PowerShellCommand": "ps_script",
    "AntivirusDetection": "antivirus",
}
_PIPES = "\\Device\\NamedPipe"


def added(row: Event) -> Event:
    """Sigma's names for what a row of DeviceEvents tells beyond the columns that all tables have."""
    read = _READERS.get(str(row.get("ActionType")))
    return {} if read is None else {name: value for name, value in read(row, _additional(row)).items() if value}


def _additional(row: Event) -> Event:
    """Exports have it as text, the streaming API as an object."""
    stated = row.get("AdditionalFields")
    if isinstance(stated, str):
        try:
            stated = orjson.loads(stated)
        except orjson.JSONDecodeError:
            return {}
    return stated if isinstance(stated, dict) else {}


def _pipe(_row: Event, more: Event) -> Event:
    return {"PipeName": str(more.get("PipeName", "")).removeprefix(_PIPES)}


def _thread(row: Event, _more: Event) -> Event:
    return {"SourceImage": row.get("InitiatingProcessFolderPath"), "TargetImage": _path(row)}


def _opened(row: Event, more: Event) -> Event:
    wanted = more.get("DesiredAccess")
    access = {"GrantedAccess": hex(wanted)} if isinstance(wanted, int) and wanted >= 0 else {}
    return _thread(row, more) | access


def _name(_row: Event, more: Event) -> Event:
    found = more.get("DnsQueryResult")
    return {
        "QueryName": more.get("DnsQueryString"),
        "QueryResults": orjson.dumps(found).decode() if isinstance(found, list | dict) else found,
    }


def _driver(row: Event, _more: Event) -> Event:
    return {"ImageLoaded": _path(row)}


def _command(_row: Event, more: Event) -> Event:
    return {"ScriptBlockText": more.get("Command")}


def _threat(row: Event, more: Event) -> Event:
    return {"Signature": more.get("ThreatName"), "Filename": _path(row)}


def _path(row: Event) -> str:
    """FolderPath is the file's whole path, but where it is its folder only."""
    folder, name = str(row.get("FolderPath") or ""), str(row.get("FileName") or "")
    if not name or not folder or folder.lower().endswith(name.lower()):
        return folder or name
    return f"{folder.rstrip('/')}/{name}" if folder.startswith("/") else f"{folder.rstrip(chr(92))}\\{name}"


_READERS: Mapping[str, Callable[[Event, Event], Event]] = {
    "NamedPipeEvent": _pipe,
    "CreateRemoteThreadApiCall": _thread,
    "OpenProcessApiCall": _opened,
    "DnsQueryResponse": _name,
    "DriverLoad": _driver,
    "PowerShellCommand": _command,
    "AntivirusDetection": _threat,
}
