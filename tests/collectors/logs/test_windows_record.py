"""Windows events, however nested, get Sigma's field names."""

from typing import Any

import pytest

from collectors.logs.windows_record import flatten

STAMP = "2020-09-11T12:10:22.398726Z"
SYSTEM: dict[str, Any] = {
    "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon", "Guid": "5770385F"}},
    "EventID": 11,
    "Level": 4,
    "TimeCreated": {"#attributes": {"SystemTime": STAMP}},
    "EventRecordID": 385052,
    "Correlation": None,
    "Execution": {"#attributes": {"ProcessID": 3044, "ThreadID": 3900}},
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "Computer": "PC-1",
    "Security": {"#attributes": {"UserID": "S-1-5-18"}},
}


def _event(**sections: Any) -> dict[str, Any]:
    return flatten({"Event": {"#attributes": {"xmlns": "x"}, "System": SYSTEM, **sections}})


def test_system_and_event_data_become_one_flat_event() -> None:
    assert _event(EventData={"Image": "C:\\x.exe", "ProcessId": 640, "Initiated": True}) == {
        "@timestamp": STAMP,
        "Provider_Name": "Microsoft-Windows-Sysmon",
        "EventID": 11,
        "EventRecordID": 385052,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Computer": "PC-1",
        "Level": 4,
        "Image": "C:\\x.exe",
        "ProcessId": 640,
        "Initiated": "true",
        "Provider_Guid": "5770385F",
        "Execution_ProcessID": 3044,
        "Execution_ThreadID": 3900,
        "Security_UserID": "S-1-5-18",
    }


def test_a_qualified_event_id_is_its_number() -> None:
    event = flatten({"Event": {"System": {**SYSTEM, "EventID": {"#attributes": {"Qualifiers": 0}, "#text": "1040"}}}})
    assert event["EventID"] == 1040


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"Data": {"#text": ["a", "b"]}}, {"Data": ["a", "b"]}),
        ({"Data": {"#text": "a"}}, {"Data": "a"}),
        ({"Data": ["a", "b"]}, {"Data": ["a", "b"]}),
        ({"Data": [{"#attributes": {"Name": "X"}, "#text": "1"}, {"@Name": "Y", "#text": "2"}]}, {"X": "1", "Y": "2"}),
        ({"Data": [{"@Name": "Empty"}], "Binary": "00"}, {"Empty": "", "Binary": "00"}),
    ],
)
def test_data_elements_are_named_where_they_have_a_name(data: dict[str, Any], expected: dict[str, Any]) -> None:
    event = _event(EventData=data)
    assert {name: event[name] for name in expected} == expected


def test_user_data_is_taken_from_its_inner_element() -> None:
    event = _event(UserData={"LogFileCleared": {"#attributes": {"xmlns": "y"}, "SubjectUserName": "bob"}})
    assert event["SubjectUserName"] == "bob"
    assert "LogFileCleared" not in event


def test_a_name_that_system_has_taken_is_kept_beside_it() -> None:
    event = _event(EventData={"Channel": "other", "Computer": "elsewhere"})
    assert event["Channel"] == "Microsoft-Windows-Sysmon/Operational"
    assert event["EventData_Channel"] == "other"
    assert event["EventData_Computer"] == "elsewhere"


@pytest.mark.parametrize(
    "system",
    [
        {"Provider_attributes": {"Name": "P"}, "TimeCreated_attributes": {"SystemTime": STAMP}, "EventID": 1},
        {"Provider": {"@Name": "P"}, "TimeCreated": {"@SystemTime": STAMP}, "EventID": "1"},
        {"Provider": {"Name": "P"}, "TimeCreated": {"SystemTime": STAMP}, "EventID": {"Value": 1}},
    ],
)
def test_attributes_are_found_wherever_a_tool_writes_them(system: dict[str, Any]) -> None:
    for raw in ({"Event": {"System": system}}, {"System": system, "EventData": {}}):
        event = flatten(raw)
        assert (event["Provider_Name"], event["@timestamp"], event["EventID"]) == ("P", STAMP, 1)


def test_winlogbeat_is_flattened_nested_or_dotted_also_inside_elasticsearch() -> None:
    winlog = {
        "event_id": "1",
        "channel": "C",
        "computer_name": "PC",
        "event_data": {"Image": "i"},
        "api": "wineventlog",
    }
    dotted = {
        "winlog.event_id": [1],
        "winlog.channel": ["C"],
        "winlog.computer_name": ["PC"],
        "winlog.event_data.Image": ["i"],
    }
    for raw in (
        {"@timestamp": STAMP, "winlog": winlog, "message": "m", "host": {"name": "h"}},
        {"_index": "x", "_source": {"@timestamp": STAMP, "winlog": winlog, "message": "m"}},
        {"@timestamp": [STAMP], **dotted, "message": ["m"]},
    ):
        event = flatten(raw)
        expected = {"@timestamp": STAMP, "EventID": 1, "Channel": "C", "Computer": "PC", "Image": "i", "Message": "m"}
        assert {name: event.get(name) for name in expected} == expected


def test_a_flat_event_passes_untouched_but_for_its_number() -> None:
    assert flatten({"EventID": "4624", "Channel": "Security"}) == {"EventID": 4624, "Channel": "Security"}


@pytest.mark.parametrize(
    ("event", "channel"),
    [
        ({"EventID": 11, "Provider_Name": "Microsoft-Windows-Sysmon"}, "Microsoft-Windows-Sysmon/Operational"),
        ({"EventID": "4688", "SourceName": "Microsoft-Windows-Security-Auditing"}, "Security"),
        ({"EventID": 7045, "ProviderName": "Service Control Manager"}, "System"),
        ({"EventID": 11, "UtcTime": "x", "ProcessGuid": "{x}"}, "Microsoft-Windows-Sysmon/Operational"),
        ({"EventID": 11, "UtcTime": "x", "ProcessGuid": "{x}", "Provider_Name": "Other"}, None),
        ({"EventID": 1, "Provider_Name": "Microsoft-Windows-Kernel-General"}, None),
        ({"Provider_Name": "Microsoft-Windows-Sysmon"}, None),
        ({"EventID": 1, "Channel": "Own", "Provider_Name": "Microsoft-Windows-Sysmon"}, "Own"),
    ],
)
def test_a_record_without_a_channel_has_that_of_its_provider(event: dict[str, Any], channel: str | None) -> None:
    assert flatten(event).get("Channel") == channel
