"""Documents with Elastic Common Schema's fields alone are seen under Sigma's names."""

from typing import Any

import pytest

from collectors.logs.ecs import ecs_event
from collectors.logs.ecs_field import field
from collectors.logs.windows_record import flatten
from jikimi.domain.logsource import LogSource

STAMP = "2026-11-23T03:00:00.000Z"
ECS: dict[str, Any] = {
    "@timestamp": STAMP,
    "ecs": {"version": "8.10.0"},
    "host": {"name": "pc-1", "os": {"type": "windows"}},
}
PROCESS: dict[str, Any] = {
    "executable": "C:\\a.exe",
    "command_line": "a.exe -x",
    "pe": {"original_file_name": "A.EXE", "imphash": "ff"},
    "hash": {"sha256": "aa"},
    "parent": {"executable": "C:\\b.exe", "command_line": "b.exe"},
}
USER = {"name": "kim", "domain": "EXAMPLE"}
SEEN = {
    "Image": "C:\\a.exe",
    "CommandLine": "a.exe -x",
    "ParentImage": "C:\\b.exe",
    "ParentCommandLine": "b.exe",
    "OriginalFileName": "A.EXE",
    "User": "EXAMPLE\\kim",
    "Hashes": "SHA256=AA,IMPHASH=FF",
}
KINDS: list[tuple[str, str, dict[str, Any], str, dict[str, Any]]] = [
    ("process", "start", {"process": PROCESS, "user": USER}, "process_creation", SEEN),
    ("file", "creation", {"file": {"path": "C:\\x.hta"}}, "file_event", {"TargetFilename": "C:\\x.hta"}),
    ("file", "deletion", {"file": {"path": "C:\\x.hta"}}, "file_delete", {"TargetFilename": "C:\\x.hta"}),
    (
        "registry",
        "change",
        {"registry": {"path": "HKLM\\A\\B", "data": {"type": "REG_DWORD", "strings": ["1"]}}},
        "registry_set",
        {"TargetObject": "HKLM\\A\\B", "Details": "DWORD (0x00000001)"},
    ),
    (
        "network",
        "start",
        {
            "destination": {"ip": "203.0.113.7", "port": 443},
            "network": {"direction": "egress"},
        },
        "network_connection",
        {"DestinationIp": "203.0.113.7", "DestinationPort": 443, "Initiated": "true"},
    ),
    (
        "library",
        "start",
        {"dll": {"path": "C:\\x.dll", "hash": {"md5": "bb"}}},
        "image_load",
        {"ImageLoaded": "C:\\x.dll", "Hashes": "MD5=BB"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("category", "how", "body", "sigma", "expected"), KINDS, ids=[kind[3] for kind in KINDS])
def test_a_document_of_elastic_defend_has_sigmas_category_and_names(
    category: str, how: str, body: dict[str, Any], sigma: str, expected: dict[str, Any]
) -> None:
    found = ecs_event({**ECS, "event": {"category": [category], "type": [how]}, **body})
    assert found is not None
    assert found.logsource == LogSource("windows", sigma)
    assert {name: found.event.get(name) for name in expected} == expected
    assert (found.event["@timestamp"], found.event["Computer"]) == ("2026-11-23T03:00:00.000000Z", "pc-1")


def test_a_name_that_was_asked_for_is_a_dns_query() -> None:
    event = {"category": ["network"], "type": ["connection", "info"], "action": "lookup_requested"}
    found = ecs_event({**ECS, "event": event, "dns": {"question": {"name": "evil.example.com"}}})
    assert found is not None
    assert (found.logsource.category, found.event["QueryName"]) == ("dns_query", "evil.example.com")


def test_winlogbeat_without_event_data_tells_as_much_and_event_data_stands_over_ecs() -> None:
    winlog: dict[str, Any] = {"channel": "Microsoft-Windows-Sysmon/Operational", "event_id": "1"}
    document = {**ECS, "process": PROCESS, "user": USER}
    event = flatten({**document, "winlog": winlog})
    assert {name: event.get(name) for name in SEEN} == SEEN
    named = flatten({**document, "winlog": {**winlog, "event_data": {"Image": "C:\\c.exe"}}})
    assert (named["Image"], named["CommandLine"]) == ("C:\\c.exe", "a.exe -x")


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"event": {"category": ["process"], "type": ["start"]}},
        {**ECS, "event": {"category": ["process"], "type": ["end"]}},
        {**ECS, "event": {"category": ["process"], "type": ["start"]}, "winlog": {"channel": "Security"}},
        {**ECS, "event": 3, "host": []},
    ],
)
def test_other_objects_are_no_such_document(document: dict[str, Any]) -> None:
    assert ecs_event(document) is None


@pytest.mark.parametrize(
    "document", [{"a.b.c": 1}, {"a": {"b.c": 1}}, {"a.b": {"c": 1}}, {"a": {"b": {"c": [1]}}}, {"a": {"b": {"c": 1}}}]
)
def test_a_path_is_found_however_it_is_nested(document: dict[str, Any]) -> None:
    assert field(document, "a.b.c") == 1


MODULE: dict[str, Any] = {
    **ECS,
    "winlog": {"channel": "Microsoft-Windows-PowerShell/Operational", "event_id": "4103"},
    "process": {"command_line": "C:\\pwsh.exe -nop", "title": "ConsoleHost"},
    "source": {"user": {"name": "kim", "domain": "EXAMPLE"}},
    "powershell": {
        "command": {
            "name": "Get-ADUser",
            "invocation_details": [
                {"type": "CommandInvocation", "related_command": "Get-ADUser", "value": '"Get-ADUser"'},
                {"type": "ParameterBinding", "related_command": "Get-ADUser", "name": '"Filter"', "value": '"*"'},
            ],
        }
    },
}


def test_module_logging_that_was_taken_apart_is_the_two_texts_of_powershell_again() -> None:
    event = flatten(MODULE)
    for line in ("Host Application = C:\\pwsh.exe -nop", "Command Name = Get-ADUser", "User = EXAMPLE\\kim"):
        assert f"        {line}\r\n" in event["ContextInfo"]
    assert event["Payload"] == (
        'CommandInvocation(Get-ADUser): "Get-ADUser"\r\nParameterBinding(Get-ADUser): name="Filter"; value="*"'
    )


def test_module_logging_with_its_own_texts_keeps_them() -> None:
    winlog = {**MODULE["winlog"], "event_data": {"ContextInfo": "as it was", "Payload": "too"}}
    event = flatten({**MODULE, "winlog": winlog})
    assert (event["ContextInfo"], event["Payload"]) == ("as it was", "too")


@pytest.mark.parametrize("details", [None, 3, "text", [3], [{"type": 1}], {"type": "CommandInvocation"}])
def test_odd_invocation_details_are_no_error(details: Any) -> None:
    flatten({**MODULE, "powershell": {"command": {"name": "x", "invocation_details": details}}})
