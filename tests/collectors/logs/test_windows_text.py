"""Windows events as JSON in a syslog message are events of Windows, on whichever road the message came."""

import json
from datetime import UTC

import pytest

from collectors.logs.port import Reading
from collectors.logs.syslog import Syslog
from collectors.logs.windows_text import windows_text
from collectors.network_devices.lines import read_line
from tests.collectors.logs.reading import NOW

RECORD = {
    "EventTime": "2026-11-22 19:00:00",
    "Hostname": "PC-1",
    "EventID": 1,
    "SourceName": "Microsoft-Windows-Sysmon",
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "Image": "C:\\a.exe",
    "CommandLine": "a.exe -x",
}
LINE = "<14>1 2026-11-22T10:00:00.000000Z PC-1 Microsoft-Windows-Sysmon 8 - - " + json.dumps(RECORD)


def test_a_line_of_a_file_and_one_of_a_listener_are_the_same_event() -> None:
    ((source, event),) = Syslog(Reading(lambda: NOW, lambda _: None)).feed(LINE)
    heard = read_line(LINE.encode(), NOW, UTC)
    for logsource, fields in ((source, event), (heard.logsource, heard.fields)):
        assert (logsource.product, logsource.service) == ("windows", "sysmon")
        assert (fields["Image"], fields["CommandLine"], fields["Hostname"]) == ("C:\\a.exe", "a.exe -x", "PC-1")
    assert event["@timestamp"] == "2026-11-22T10:00:00.000000Z"  # EventTime has no zone
    assert heard.time == NOW.replace(hour=10, minute=0)


def test_a_time_with_its_zone_is_the_events() -> None:
    found = windows_text(json.dumps({**RECORD, "UtcTime": "2026-11-22 09:59:58.500"}))
    assert found is not None
    assert found.event["@timestamp"] == "2026-11-22T09:59:58.500000Z"


@pytest.mark.parametrize(
    "text",
    ["", '{"EventID": 1}', '{"EventID": 1, "Channel": ', '["EventID", "Channel"]', '{"EventID": "x", "Channel": "y"}'],
)
def test_other_messages_are_none(text: str) -> None:
    assert windows_text(text) is None
