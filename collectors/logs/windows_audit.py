"""Windows' own audit events in Sysmon's words: what rules on registry_set, network_connection and file_access look for.

Worked out here, where events are collected, so that detection finds the words in the event's bytes. Security 4657 (a
registry value was changed), 5156 (the filtering platform allowed a connection), 4663 (an object was accessed).
"""

import re

from jikimi.domain.event import Event

_HIVES = (("\\registry\\machine", "HKLM"), ("\\registry\\user", "HKU"))
_REMOVED = "%%1906"
_DWORD, _BINARY = "%%1876", "%%1875"
_DIRECTIONS = {"%%14593": "true", "%%14592": "false"}  # outbound, inbound
_SYSTEM_DRIVE = re.compile(
    r"\\device\\harddiskvolume\d+(?=\\(?:windows|program files(?: \(x86\))?|programdata|users)\\)", re.IGNORECASE
)


def in_sysmons_words(event: Event) -> None:
    """Adds the fields to a flat Security event of these ids; leaves every other event as it is."""
    number = event.get("EventID")
    add = _BY_ID.get(number) if isinstance(number, int) else None
    if add is not None and str(event.get("Channel", "")).lower() == "security":
        for name, value in add(event).items():
            event.setdefault(name, value)


def _registry(event: Event) -> Event:
    """TargetObject and Details as Sysmon's event 13 has them; a removed value is told by its EventType."""
    if event.get("OperationType") == _REMOVED:
        return {"EventType": "DeleteValue"}
    key = str(event.get("ObjectName", ""))
    for long, short in _HIVES:
        if key.lower().startswith(long):
            key = short + key[len(long) :]
    return {
        "EventType": "SetValue",
        "TargetObject": f"{key}\\{event.get('ObjectValueName', '')}",
        "Details": _details(str(event.get("NewValueType", "")), str(event.get("NewValue", ""))),
    }


def _details(kind: str, value: str) -> str:
    if kind == _BINARY:
        return "Binary Data"
    if kind == _DWORD:
        try:
            return f"DWORD (0x{int(value, 0):08x})"
        except ValueError:
            return value
    return value


def _connection(event: Event) -> Event:
    """Initiated, and Image with a drive letter where only the system's drive has such a folder."""
    added = {"Image": _SYSTEM_DRIVE.sub("C:", str(event.get("Application", "")), count=1)}
    if (initiated := _DIRECTIONS.get(str(event.get("Direction")))) is not None:
        added["Initiated"] = initiated
    return added


def _file(event: Event) -> Event:
    return {"FileName": event["ObjectName"]} if event.get("ObjectType") == "File" and "ObjectName" in event else {}


_BY_ID = {4657: _registry, 5156: _connection, 4663: _file}
