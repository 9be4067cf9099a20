"""One Windows event in the shapes that other products write it in: each is read as the same event."""

import json
from pathlib import Path
from typing import Any

import pytest

from collectors.files import Problems, read_events
from collectors.files.exports import unpacked
from jikimi.domain.event import Event

SYSMON = "Microsoft-Windows-Sysmon/Operational"
STAMP = "2026-03-10T17:43:20.100000Z"
DATA: Event = {"Image": "C:\\a.exe", "CommandLine": "a.exe -x", "ParentImage": "C:\\b.exe"}
NAMED = {"Data": [{"@Name": name, "#text": value} for name, value in DATA.items()]}
FLAT: Event = {"EventTime": STAMP, "Hostname": "pc-1", **DATA}
XML = (
    f"<Event><System><Provider Name='Microsoft-Windows-Sysmon'/><EventID>1</EventID><TimeCreated SystemTime='{STAMP}'/>"
    f"<Channel>{SYSMON}</Channel><Computer>pc-1</Computer></System><EventData>"
    + "".join(f"<Data Name='{name}'>{value}</Data>" for name, value in DATA.items())
    + "</EventData></Event>"
)
BEAT: Event = {
    "@timestamp": STAMP,
    "winlog": {"channel": SYSMON, "event_id": "1", "computer_name": "pc-1", "event_data": DATA},
}

SHAPES: dict[str, Any] = {
    "EvtxECmd": {
        "Payload": json.dumps({"EventData": NAMED}),
        "Channel": SYSMON,
        "EventId": 1,
        "Computer": "pc-1",
        "TimeCreated": STAMP,
        "Provider": "Microsoft-Windows-Sysmon",
    },
    "Wazuh": {
        "timestamp": STAMP,
        "data": {
            "win": {
                "system": {"channel": SYSMON, "eventID": "1", "computer": "pc-1", "systemTime": STAMP},
                "eventdata": {name[0].lower() + name[1:]: value for name, value in DATA.items()},
            }
        },
    },
    "Velociraptor EvtxHunter": {
        "EventTime": STAMP,
        "Computer": "pc-1",
        "Channel": SYSMON,
        "Provider": "Microsoft-Windows-Sysmon",
        "EventID": 1,
        "EventData": DATA,
        "UserData": None,
        "Message": "m",
    },
    "Velociraptor without data": {
        "System": {
            "EventID": {"Value": 1},
            "Channel": SYSMON,
            "TimeCreated": {"SystemTime": STAMP},
            "Computer": "pc-1",
        },
        **DATA,
    },
    "flat head, lower case": {
        "event_id": 1,
        "channel": SYSMON,
        "provider_name": "x",
        "@timestamp": STAMP,
        "event_data": DATA,
    },
    "Splunk's names": {**FLAT, "EventCode": "1", "LogName": SYSMON, "ComputerName": "pc-1"},
    "data frame": {**FLAT, "EventID": 1.0, "Channel": SYSMON.lower()},
    "Kibana": {
        "_index": "i",
        "_id": "1",
        "fields": {
            "@timestamp": [STAMP],
            "winlog.channel": [SYSMON],
            "winlog.event_id": ["1"],
            **{f"winlog.event_data.{name}": [value] for name, value in DATA.items()},
        },
    },
    "Elasticsearch's answer": {"took": 1, "hits": {"total": {"value": 1}, "hits": [{"_id": "1", "_source": BEAT}]}},
    "Splunk's export of XML": {"preview": False, "result": {"_raw": XML, "_time": STAMP}},
    "names of the whole path": {
        "Event.System.EventID": 1,
        "Event.System.Channel": SYSMON,
        "Event.System.TimeCreated.#attributes.SystemTime": STAMP,
        **{f"Event.EventData.{name}": value for name, value in DATA.items()},
    },
    "pairs of names and values": {
        "System": {"EventID": 1, "Channel": SYSMON, "TimeCreated": {"SystemTime": STAMP}},
        "EventData": [{"Name": name, "Value": value} for name, value in DATA.items()],
    },
    "data as a text": {"EventID": "1", "Channel": SYSMON, "TimeGenerated": STAMP, "EventData": json.dumps(DATA)},
    "Winlogbeat 6, dotted": {
        "@timestamp": STAMP,
        "log_name": SYSMON,
        "event_id": 1,
        "computer_name": "pc-1",
        **{f"event_data.{name}": value for name, value in DATA.items()},
    },
    "Graylog": {
        "timestamp": STAMP,
        "winlogbeat_winlog_channel": SYSMON,
        "winlogbeat_winlog_event_id": "1",
        **{f"winlogbeat_winlog_event_data_{name}": value for name, value in DATA.items()},
    },
    "Sentinel's table of events": {
        "TimeGenerated": STAMP,
        "EventLog": SYSMON,
        "EventID": 1,
        "Source": "Microsoft-Windows-Sysmon",
        "RenderedDescription": "Process Create:\n" + "".join(f"{name}: {value}\n" for name, value in DATA.items()),
        "EventData": "<DataItem/>",
    },
    "a row of osquery": {
        "name": "pack_windows_events",
        "hostIdentifier": "host-1",
        "unixTime": 1,
        "columns": {
            "eventid": "1",
            "source": SYSMON,
            "computer_name": "pc-1",
            "datetime": STAMP,
            "data": json.dumps({"EventData": DATA}),
        },
        "action": "added",
    },
    "a snapshot of osquery": {
        "hostIdentifier": "pc-1",
        "snapshot": [{"eventid": 1, "channel": SYSMON, "datetime": STAMP, "data": json.dumps({"EventData": DATA})}],
    },
    "Splunk's export of text": {
        "result": {
            "_raw": f"03/10/2026 05:43:20.100 PM\nLogName={SYSMON}\nEventCode=1\nComputerName=pc-1\n"
            "Message=Process Create:\n" + "".join(f"{name}: {value}\n" for name, value in DATA.items())
        }
    },
    "the message alone": {
        "EventID": 1,
        "Channel": SYSMON,
        "TimeCreated": STAMP,
        "Message": "Process Create:\r\n" + "".join(f"{name}: {value}\r\n" for name, value in DATA.items()),
    },
    "XML as the message": {"@timestamp": STAMP, "message": XML},
    "XML as the original": {"@timestamp": STAMP, "event": {"original": XML, "code": "1"}},
    "inside Event": {"Event": {**FLAT, "EventID": 1, "Channel": SYSMON}},
    "inside event": {"event": {**FLAT, "EventID": 1, "Channel": SYSMON}},
}


def one_of(path: Path) -> tuple[str | None, Event]:
    problems = Problems()
    (found,) = read_events(path, problems=problems)
    assert (problems.unclassified, problems.without_time, problems.damaged) == (0, 0, 0)
    return found.logsource.service, found.event


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_every_shape_gives_sigmas_names_the_channel_and_the_time(tmp_path: Path, shape: Event) -> None:
    (tmp_path / "one.ndjson").write_text(json.dumps(shape) + "\n", encoding="utf-8")
    service, event = one_of(tmp_path / "one.ndjson")
    assert service == "sysmon"
    assert event["@timestamp"] == STAMP
    assert event["EventID"] == 1
    assert str(event["Channel"]).lower() == SYSMON.lower()
    assert {name: event[name] for name in DATA} == DATA


def test_the_headings_of_evtx_dump_are_passed_over(tmp_path: Path) -> None:
    record = {"Event": {"System": {"EventID": 1, "Channel": SYSMON, "Computer": "pc-1"}, "EventData": DATA}}
    text = "".join(f"Record {number}\n{json.dumps(record, indent=2)}\n" for number in (1, 2, 12_345))
    (tmp_path / "dump.json").write_text(text, encoding="utf-8")
    problems = Problems()
    events = [found.event for found in read_events(tmp_path / "dump.json", problems=problems)]
    assert [event["CommandLine"] for event in events] == [DATA["CommandLine"]] * 3
    assert problems.damaged == 0


@pytest.mark.parametrize(
    "raw",
    [
        {"event_id": 5, "channel": "mail", "text": "x"},
        {"event_id": "e-1", "channel": SYSMON},
        {"EventCode": True, "LogName": "Security"},
        {"Id": 1, "data": {"win": 3}},
        {"data": ["win"], "fields": {"a": [1]}},
        {"EventID": 1, "Channel": "Security", "EventData": "text"},
        {"EventID": 1, "Channel": "Security", "EventData": "{"},
        {"status": "ok", "result": {"a": 1}},
        {"Payload": "{", "EventId": 1},
        {"hits": {"hits": []}},
        {},
    ],
)
def test_what_is_no_such_export_stays_as_it_came(raw: Event) -> None:
    assert unpacked(dict(raw)) == raw


@pytest.mark.parametrize("payload", ["{", "[1]", "null", '"EventData"', "{}", '{"EventData": 5}'])
def test_a_payload_that_is_no_data_never_stops_the_reading(tmp_path: Path, payload: str) -> None:
    shape = {"Payload": payload, "EventId": 1, "Channel": SYSMON, "TimeCreated": STAMP}
    (tmp_path / "one.ndjson").write_text(json.dumps(shape) + "\n", encoding="utf-8")
    assert one_of(tmp_path / "one.ndjson")[0] == "sysmon"
