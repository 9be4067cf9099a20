"""Windows' own audit events in Sysmon's words."""

import pytest

from collectors.logs.windows_audit import in_sysmons_words
from jikimi.domain.event import Event


def _seen(number: int, **fields: str) -> Event:
    event: Event = {"Channel": "Security", "EventID": number, **fields}
    in_sysmons_words(event)
    return event


def test_a_changed_registry_value_has_sysmons_names() -> None:
    event = _seen(
        4657,
        ObjectName="\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run",
        ObjectValueName="x",
        OperationType="%%1904",
        NewValueType="%%1873",
        NewValue="C:\\x.exe",
    )
    assert event["TargetObject"] == "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\x"
    assert (event["Details"], event["EventType"]) == ("C:\\x.exe", "SetValue")


@pytest.mark.parametrize(
    ("kind", "value", "details"),
    [("%%1876", "1", "DWORD (0x00000001)"), ("%%1876", "0xff", "DWORD (0x000000ff)"), ("%%1875", "A1", "Binary Data")],
)
def test_details_are_written_as_sysmon_writes_them(kind: str, value: str, details: str) -> None:
    assert _seen(4657, NewValueType=kind, NewValue=value)["Details"] == details


def test_a_removed_value_is_no_value_that_was_set() -> None:
    assert "TargetObject" not in _seen(4657, OperationType="%%1906", ObjectName="\\REGISTRY\\MACHINE\\x")


def test_an_allowed_connection_names_who_began_it_and_a_path_with_a_drive() -> None:
    event = _seen(5156, Application="\\device\\harddiskvolume2\\windows\\system32\\cmd.exe", Direction="%%14593")
    assert (event["Image"], event["Initiated"]) == ("C:\\windows\\system32\\cmd.exe", "true")


def test_a_path_on_a_volume_that_may_be_any_drive_stays() -> None:
    path = "\\device\\harddiskvolume3\\tools\\a.exe"
    assert _seen(5156, Application=path)["Image"] == path


def test_only_files_are_accessed_files() -> None:
    assert _seen(4663, ObjectType="File", ObjectName="C:\\a")["FileName"] == "C:\\a"
    assert "FileName" not in _seen(4663, ObjectType="Key", ObjectName="\\REGISTRY\\a")


def test_other_events_stay_as_they_are() -> None:
    event: Event = {"Channel": "System", "EventID": 4657, "ObjectName": "x"}
    in_sysmons_words(event)
    assert event == {"Channel": "System", "EventID": 4657, "ObjectName": "x"}
