"""Rows of Microsoft Defender's device tables: Sigma's names and categories for them.

As advanced hunting exports them, or as the streaming API writes them (`{"category": "AdvancedHunting-…", "properties":
{…}}`). Source: Microsoft, "Understand the advanced hunting schema" (DeviceProcessEvents, DeviceFileEvents, …).
That of many kinds, DeviceEvents, is `defender_additions`'.
"""

from collections.abc import Mapping

from collectors.logs.defender_additions import ACTIONS, added
from collectors.source_event import SourceEvent
from collectors.stamps import canonical_stamp
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import LogSource

_ACTIONS = {
    "ProcessCreated": "process_creation",
    "FileCreated": "file_event",
    "FileModified": "file_event",
    "FileRenamed": "file_rename",
    "FileDeleted": "file_delete",
    "RegistryValueSet": "registry_set",
    "RegistryKeyCreated": "registry_add",
    "RegistryKeyDeleted": "registry_delete",
    "RegistryValueDeleted": "registry_delete",
    "ImageLoaded": "image_load",
    "ConnectionSuccess": "network_connection",
    "ConnectionAttempt": "network_connection",
    "ConnectionFailed": "network_connection",
    "InboundConnectionAccepted": "network_connection",
    **ACTIONS,
}
_INITIATOR = {
    "Image": "InitiatingProcessFolderPath",
    "CommandLine": "InitiatingProcessCommandLine",
    "ParentImage": "InitiatingProcessParentFileName",
}
_VERSION = {
    "OriginalFileName": "ProcessVersionInfoOriginalFileName",
    "Company": "ProcessVersionInfoCompanyName",
    "Product": "ProcessVersionInfoProductName",
    "Description": "ProcessVersionInfoFileDescription",
}
_NAMES: Mapping[str, Mapping[str, str]] = {
    "process_creation": {
        "Image": "FolderPath",
        "CommandLine": "ProcessCommandLine",
        "ParentImage": "InitiatingProcessFolderPath",
        "ParentCommandLine": "InitiatingProcessCommandLine",
        "IntegrityLevel": "ProcessIntegrityLevel",
        **_VERSION,
    },
    "image_load": {**_INITIATOR, "ImageLoaded": "FolderPath"},
    "network_connection": {
        **_INITIATOR,
        "DestinationIp": "RemoteIP",
        "DestinationPort": "RemotePort",
        "DestinationHostname": "RemoteUrl",
        "SourceIp": "LocalIP",
        "SourcePort": "LocalPort",
        "Protocol": "Protocol",
    },
}
_OF_FILES = {**_INITIATOR, "TargetFilename": "FolderPath", "SourceFilename": "PreviousFolderPath"}
_OF_REGISTRY = {**_INITIATOR, "Details": "RegistryValueData"}
_HIVES = (("HKEY_LOCAL_MACHINE", "HKLM"), ("HKEY_USERS", "HKU"), ("HKEY_CURRENT_USER", "HKCU"))


def defender_event(row: Event) -> SourceEvent | None:
    """The event of such a row; None for any other object."""
    inner = row.get("properties")
    if isinstance(inner, dict) and str(row.get("category", "")).startswith("AdvancedHunting-Device"):
        row = inner
    category = _ACTIONS.get(str(row.get("ActionType")))
    if category is None or "DeviceName" not in row or "InitiatingProcessFileName" not in row:
        return None
    event = {ours: row[theirs] for ours, theirs in _names(category).items() if row.get(theirs) not in (None, "")}
    event |= _worked_out(category, row)
    event["Computer"] = row["DeviceName"]
    if (stamp := canonical_stamp(row.get("Timestamp"))) is not None:
        event[TIMESTAMP] = stamp
    event |= added(row)
    path = str(event.get("Image") or event.get("TargetFilename") or "")
    system = "linux" if path.startswith("/") else "windows"
    return SourceEvent(LogSource(product=system, category=category), {**row, **event})


def _names(category: str) -> Mapping[str, str]:
    if category.startswith("registry"):
        return _OF_REGISTRY
    return _OF_FILES if category.startswith("file") else _NAMES.get(category, _INITIATOR)


def _worked_out(category: str, row: Event) -> Event:
    """What is put together of several columns."""
    told: Event = {}
    if category == "network_connection":
        told["Initiated"] = "false" if row["ActionType"] == "InboundConnectionAccepted" else "true"
    if category.startswith("registry"):
        told |= _registry(row)
    of = "" if category == "process_creation" else "InitiatingProcess"
    domain, name = row.get(f"{of}AccountDomain"), row.get(f"{of}AccountName")
    if name:
        told["User"] = f"{domain}\\{name}" if domain else name
    hashes = [f"{kind}={str(row[kind]).upper()}" for kind in ("MD5", "SHA1", "SHA256") if row.get(kind)]
    if hashes:
        told["Hashes"] = ",".join(hashes)
    return told


def _registry(row: Event) -> Event:
    """The key as Sysmon writes it, and a number as Sysmon writes it."""
    key = str(row.get("RegistryKey", ""))
    for long, short in _HIVES:
        if key.upper().startswith(long):
            key = short + key[len(long) :]
    told: Event = {"TargetObject": "\\".join(part for part in (key, str(row.get("RegistryValueName") or "")) if part)}
    value = str(row.get("RegistryValueData", ""))
    if row.get("RegistryValueType") == "Dword" and value.isdecimal():
        told["Details"] = f"DWORD (0x{int(value):08x})"
    return told
