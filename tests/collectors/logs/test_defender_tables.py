"""Rows of Microsoft Defender's device tables are seen under Sigma's names."""

from typing import Any

import pytest

from collectors.logs.defender_tables import defender_event
from jikimi.domain.logsource import LogSource

ROW: dict[str, Any] = {
    "Timestamp": "2026-11-23T03:00:00Z",
    "DeviceName": "pc-1",
    "InitiatingProcessFileName": "b.exe",
    "InitiatingProcessFolderPath": "C:\\b.exe",
    "InitiatingProcessCommandLine": "b.exe -y",
    "InitiatingProcessAccountDomain": "example",
    "InitiatingProcessAccountName": "lee",
}
CASES: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    (
        "ProcessCreated",
        {
            "FolderPath": "C:\\a.exe",
            "ProcessCommandLine": "a.exe -x",
            "AccountDomain": "example",
            "AccountName": "kim",
            "SHA256": "aa",
            "ProcessVersionInfoOriginalFileName": "A.EXE",
        },
        "process_creation",
        {
            "Image": "C:\\a.exe",
            "CommandLine": "a.exe -x",
            "ParentImage": "C:\\b.exe",
            "ParentCommandLine": "b.exe -y",
            "User": "example\\kim",
            "Hashes": "SHA256=AA",
            "OriginalFileName": "A.EXE",
        },
    ),
    (
        "FileCreated",
        {"FolderPath": "C:\\x.hta"},
        "file_event",
        {"TargetFilename": "C:\\x.hta", "Image": "C:\\b.exe", "User": "example\\lee"},
    ),
    (
        "RegistryValueSet",
        {
            "RegistryKey": "HKEY_LOCAL_MACHINE\\A",
            "RegistryValueName": "B",
            "RegistryValueType": "Dword",
            "RegistryValueData": "1",
        },
        "registry_set",
        {"TargetObject": "HKLM\\A\\B", "Details": "DWORD (0x00000001)", "Image": "C:\\b.exe"},
    ),
    ("ImageLoaded", {"FolderPath": "C:\\x.dll"}, "image_load", {"ImageLoaded": "C:\\x.dll", "Image": "C:\\b.exe"}),
    (
        "ConnectionSuccess",
        {"RemoteIP": "203.0.113.7", "RemotePort": 443, "RemoteUrl": "c2.example.com"},
        "network_connection",
        {"DestinationIp": "203.0.113.7", "DestinationHostname": "c2.example.com", "Initiated": "true"},
    ),
    ("InboundConnectionAccepted", {"RemoteIP": "203.0.113.7"}, "network_connection", {"Initiated": "false"}),
    (
        "NamedPipeEvent",
        {"AdditionalFields": '{"PipeName": "\\\\Device\\\\NamedPipe\\\\msagent_1f"}'},
        "pipe_created",
        {"PipeName": "\\msagent_1f", "Image": "C:\\b.exe"},
    ),
    (
        "CreateRemoteThreadApiCall",
        {"FileName": "lsass.exe", "FolderPath": "C:\\Windows\\System32"},
        "create_remote_thread",
        {"SourceImage": "C:\\b.exe", "TargetImage": "C:\\Windows\\System32\\lsass.exe"},
    ),
    (
        "OpenProcessApiCall",
        {
            "FileName": "lsass.exe",
            "FolderPath": "C:\\Windows\\System32\\lsass.exe",
            "AdditionalFields": {"DesiredAccess": 5136},
        },
        "process_access",
        {"TargetImage": "C:\\Windows\\System32\\lsass.exe", "GrantedAccess": "0x1410"},
    ),
    (
        "DnsQueryResponse",
        {"AdditionalFields": {"DnsQueryString": "c2.example.com", "DnsQueryResult": [{"Result": "203.0.113.7"}]}},
        "dns_query",
        {"QueryName": "c2.example.com", "QueryResults": '[{"Result":"203.0.113.7"}]', "Image": "C:\\b.exe"},
    ),
    ("DriverLoad", {"FolderPath": "C:\\x.sys", "SHA256": "aa"}, "driver_load", {"ImageLoaded": "C:\\x.sys"}),
    (
        "PowerShellCommand",
        {"AdditionalFields": '{"Command": "Invoke-Mimikatz"}'},
        "ps_script",
        {"ScriptBlockText": "Invoke-Mimikatz"},
    ),
    (
        "AntivirusDetection",
        {"FileName": "a.exe", "FolderPath": "C:\\Users", "AdditionalFields": '{"ThreatName": "Example.Dropper"}'},
        "antivirus",
        {"Signature": "Example.Dropper", "Filename": "C:\\Users\\a.exe"},
    ),
    ("PowerShellCommand", {"AdditionalFields": "{cut"}, "ps_script", {"Image": "C:\\b.exe"}),
]


@pytest.mark.parametrize(
    ("action", "body", "category", "expected"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)]
)
def test_a_row_has_sigmas_category_and_names_as_exported_and_as_streamed(
    action: str, body: dict[str, Any], category: str, expected: dict[str, Any]
) -> None:
    row = {**ROW, "ActionType": action, **body}
    for given in (row, {"time": "x", "category": "AdvancedHunting-DeviceEvents", "properties": row}):
        found = defender_event(given)
        assert found is not None
        assert found.logsource == LogSource("windows", category)
        assert {name: found.event.get(name) for name in expected} == expected
        assert (found.event["@timestamp"], found.event["Computer"]) == ("2026-11-23T03:00:00.000000Z", "pc-1")


@pytest.mark.parametrize(
    "row", [{}, ROW, {**ROW, "ActionType": "AntivirusReport"}, {"ActionType": "ProcessCreated"}, {"properties": 3}]
)
def test_other_rows_are_none(row: dict[str, Any]) -> None:
    assert defender_event(row) is None
