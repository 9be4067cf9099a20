"""The record of a cleared log tells its own channel and the cleared one, in whatever shape it comes."""

from typing import Any

import pytest

from collectors.files.exports import unpacked
from collectors.logs.event_xml import xml_event
from collectors.logs.windows_record import flatten

CLEARED = "Microsoft-Windows-TaskScheduler/Operational"
PROVIDER = "Microsoft-Windows-Eventlog"
DATA = {"SubjectUserName": "kim", "SubjectDomainName": "EXAMPLE", "Channel": CLEARED, "BackupPath": ""}
HEAD = {"EventID": 104, "Channel": "System", "Computer": "PC-1"}
FLAT = {**HEAD, "SourceName": PROVIDER, "SubjectUserName": "kim"}

SHAPES: dict[str, Any] = {
    "evtx_dump": {
        "Event": {
            "System": {**HEAD, "Provider": {"#attributes": {"Name": PROVIDER}}},
            "UserData": {"LogFileCleared": {"#attributes": {"xmlns": "x"}, **DATA}},
        }
    },
    "Winlogbeat": {
        "winlog": {
            "event_id": "104",
            "channel": "System",
            "provider_name": PROVIDER,
            "user_data": {"xml_name": "LogFileCleared", **DATA},
        }
    },
    "Wazuh": {
        "data": {
            "win": {
                "system": {"providerName": PROVIDER, "eventID": "104", "channel": "System"},
                "logFileCleared": {"subjectUserName": "kim", "channel": CLEARED},
            }
        }
    },
    "flat, the second channel in the first one's place": {**FLAT, "Channel": CLEARED},
    "flat, with the path in the name": {**FLAT, "LogFileCleared.Channel": CLEARED},
    "flat, told by the message alone": {**FLAT, "Message": f"The {CLEARED} log file was cleared."},
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_both_channels_are_told(shape: dict[str, Any]) -> None:
    event = flatten(unpacked(shape))
    assert (event["EventID"], event["Channel"], event["UserData_Channel"]) == (104, "System", CLEARED)
    assert event["SubjectUserName"] == "kim"


def test_both_channels_of_a_live_record_are_told() -> None:
    found = xml_event(
        f"<Event><System><Provider Name='{PROVIDER}'/><EventID>104</EventID><Channel>System</Channel></System>"
        f"<UserData><LogFileCleared xmlns='x'><Channel>{CLEARED}</Channel></LogFileCleared></UserData></Event>"
    )
    assert found is not None
    assert (found.event["Channel"], found.event["UserData_Channel"]) == ("System", CLEARED)
    assert found.logsource.service == "system"


@pytest.mark.parametrize(
    "event",
    [
        {"EventID": 104, "Channel": "System", "Provider_Name": "WudfUsbccidDriver"},
        {"EventID": 104, "Channel": "Backup", "SourceName": "Backup"},
        {"EventID": 1102, "Channel": "Security", "Provider_Name": PROVIDER},
    ],
)
def test_no_other_record_has_a_second_channel(event: dict[str, Any]) -> None:
    assert flatten(dict(event)) == event
