"""Snare's tab-separated lines are the events of Windows that they were."""

from datetime import UTC

import pytest

from collectors.logs.port import Reading
from collectors.logs.syslog import Syslog
from collectors.logs.windows_snare import snare_fields
from collectors.network_devices.lines import read_line
from tests.collectors.logs.reading import NOW

CREATED = (
    "A new process has been created.\r\n\r\nCreator Subject:\r\n\tSecurity ID:\t\tS-1-5-18\r\n"
    "\tAccount Name:\t\tkim\r\n\tAccount Domain:\t\tEXAMPLE\r\n\r\nTarget Subject:\r\n\tSecurity ID:\t\tS-1-0-0\r\n"
    "\tAccount Name:\t\t-\r\n\r\nProcess Information:\r\n\tNew Process ID:\t\t0x12dc\r\n"
    "\tNew Process Name:\tC:\\Windows\\System32\\cmd.exe\r\n\tCreator Process Name:\tC:\\a.exe\r\n"
    "\tProcess Command Line:\tcmd.exe /c whoami /all"
)
LOGON = (
    "An account failed to log on.\r\n\r\nSubject:\r\n\tSecurity ID:\t\tS-1-0-0\r\n\tAccount Name:\t\t-\r\n\r\n"
    "Logon Type:\t\t\t3\r\n\r\nAccount For Which Logon Failed:\r\n\tSecurity ID:\t\tS-1-0-0\r\n"
    "\tAccount Name:\t\tadmin\r\n\r\nNetwork Information:\r\n\tWorkstation Name:\tWS-1\r\n"
    "\tSource Network Address:\t203.0.113.9"
)
SYSMON = "Process Create:\r\nRuleName: -\r\nImage: C:\\a.exe\r\nCommandLine: a.exe -x  --y\r\nUser: EXAMPLE\\kim"


def line(channel: str, number: int, message: str) -> str:
    flat = message.replace("\r", " ").replace("\n", " ").replace("\t", " ")
    fields = ("MSWinEventLog", "1", channel, "42", "Mon Nov 23 03:00:00 2026", str(number), "Source", "N/A", "N/A")
    return "<13>Nov 22 10:00:00 PC-1 " + "\t".join((*fields, "Success Audit", "PC-1", "Task", flat, "78714"))


@pytest.mark.parametrize(
    ("channel", "number", "message", "expected"),
    [
        (
            "Security",
            4688,
            CREATED,
            {
                "NewProcessName": "C:\\Windows\\System32\\cmd.exe",
                "CommandLine": "cmd.exe /c whoami /all",
                "SubjectUserName": "kim",
                "ParentProcessName": "C:\\a.exe",
            },
        ),
        ("Security", 4625, LOGON, {"LogonType": "3", "TargetUserName": "admin", "IpAddress": "203.0.113.9"}),
        (
            "Microsoft-Windows-Sysmon/Operational",
            1,
            SYSMON,
            {"Image": "C:\\a.exe", "CommandLine": "a.exe -x  --y", "User": "EXAMPLE\\kim"},
        ),
        (
            "System",
            7045,
            "A service was installed in the system.\r\n\r\nService Name:  Up\r\nService File Name:  C:\\up.exe",
            {"ServiceName": "Up", "ImagePath": "C:\\up.exe"},
        ),
    ],
)
def test_a_line_of_a_file_and_one_of_a_listener_tell_what_the_message_said(
    channel: str, number: int, message: str, expected: dict[str, str]
) -> None:
    sent = line(channel, number, message)
    ((source, event),) = Syslog(Reading(lambda: NOW, lambda _: None)).feed(sent)
    heard = read_line(sent.encode(), NOW, UTC)
    relayed = read_line(sent.replace("\t", "#011").encode(), NOW, UTC)
    for logsource, fields in ((source, event), heard[:2], relayed[:2]):
        assert logsource.product == "windows"
        assert fields["EventID"] == number
        assert {name: fields.get(name) for name in expected} == expected


@pytest.mark.parametrize("text", ["", "MSWinEventLog", "MSWinEventLog\t1\tSecurity", "MSWinEventLog" + "\tx" * 12])
def test_what_is_cut_is_no_event(text: str) -> None:
    assert snare_fields(text) is None
