"""Windows events of which only the rendered message came: its fields are read back."""

from typing import Any

import pytest

from collectors.logs.windows_message import read_message

SECURITY = "Security"
LOGON = (
    "An account failed to log on.\r\n\r\nSubject:\r\n\tSecurity ID:\t\tS-1-0-0\r\n\tAccount Name:\t\t-\r\n\r\n"
    "Logon Type:\t\t\t3\r\n\r\nAccount For Which Logon Failed:\r\n\tSecurity ID:\t\tS-1-0-0\r\n"
    "\tAccount Name:\t\tkim\r\n"
    "\tAccount Domain:\t\tEXAMPLE\r\n\r\nFailure Information:\r\n\tFailure Reason:\t\tBad password."
    "\r\n\tStatus:\t\t\t0xC000006D\r\n\tSub Status:\t\t0xC0000064\r\n\r\nProcess Information:\r\n"
    "\tCaller Process ID:\t0x0"
    "\r\n\tCaller Process Name:\t-\r\n\r\nNetwork Information:\r\n\tWorkstation Name:\tPC-9\r\n"
    "\tSource Network Address:\t203.0.113.9\r\n\tSource Port:\t\t50123\r\n\r\nDetailed Authentication Information:\r\n"
    "\tLogon Process:\t\tNtLmSsp \r\n\tAuthentication Package:\tNTLM\r\n\tKey Length:\t\t0\r\n"
)
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a failed logon": (
        {"Channel": SECURITY, "EventID": 4625, "Message": LOGON},
        {
            "SubjectUserName": "-",
            "TargetUserName": "kim",
            "TargetDomainName": "EXAMPLE",
            "LogonType": "3",
            "Status": "0xC000006D",
            "SubStatus": "0xC0000064",
            "IpAddress": "203.0.113.9",
            "WorkstationName": "PC-9",
            "LogonProcessName": "NtLmSsp",
            "AuthenticationPackageName": "NTLM",
        },
    ),
    "a share": (
        {
            "Channel": SECURITY,
            "EventID": 5145,
            "Message": "A network share object was checked.\n\nSubject:\n\tAccount Name:\t\tkim\n\n"
            "Network Information:\t\n"
            "\tSource Address:\t\t192.0.2.7\n\tSource Port:\t\t50000\n\nShare Information:\n"
            "\tShare Name:\t\t\\\\*\\C$\n"
            "\tRelative Target Name:\tWindows\\a.exe\n",
        },
        {"IpAddress": "192.0.2.7", "IpPort": "50000", "ShareName": "\\\\*\\C$", "RelativeTargetName": "Windows\\a.exe"},
    ),
    "a member of a group": (
        {
            "Channel": SECURITY,
            "EventID": 4732,
            "Message": "A member was added.\n\nSubject:\n\tAccount Name:\t\tadmin\n\nMember:\n"
            "\tSecurity ID:\t\tS-1-5-21-9\n"
            "\tAccount Name:\t\t-\n\nGroup:\n\tSecurity ID:\t\tS-1-5-32-544\n\tGroup Name:\t\tAdministrators\n",
        },
        {"MemberSid": "S-1-5-21-9", "TargetSid": "S-1-5-32-544", "TargetUserName": "Administrators"},
    ),
    "a new service": (
        {
            "Channel": "System",
            "EventID": 7045,
            "Message": "A service was installed in the system.\n\nService Name:  x\nService File Name:  C:\\x.exe -k\n"
            "Service Type:  user mode service\nService Start Type:  demand start\nService Account:  LocalSystem",
        },
        {"ServiceName": "x", "ImagePath": "C:\\x.exe -k", "StartType": "demand start", "AccountName": "LocalSystem"},
    ),
    "a script": (
        {
            "Channel": "Microsoft-Windows-PowerShell/Operational",
            "EventID": 4104,
            "Message": "Creating Scriptblock text (1 of 1):\r\n$a = 1\r\nName: no field\r\n\r\n"
            "ScriptBlock ID: 7f\r\nPath: ",
        },
        {"ScriptBlockText": "$a = 1\r\nName: no field", "ScriptBlockId": "7f", "Path": ""},
    ),
    "a registry value of Sysmon": (
        {
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "EventID": 13,
            "Message": "Registry value set:\nRuleName: -\nEventType: SetValue\nTargetObject: HKLM\\A\\B\n"
            "Details: DWORD (0x1)",
        },
        {"EventType": "SetValue", "TargetObject": "HKLM\\A\\B", "Details": "DWORD (0x1)"},
    ),
    "a threat": (
        {
            "Channel": "Microsoft-Windows-Windows Defender/Operational",
            "EventID": 1116,
            "Message": "Defender has detected malware.\n\tName: Trojan:Win32/X\n\tSeverity: Severe\n"
            "\tPath: file:_C:\\x.exe",
        },
        {"Threat Name": "Trojan:Win32/X", "Severity": "Severe", "Path": "file:_C:\\x.exe"},
    ),
}


@pytest.mark.parametrize(("event", "expected"), CASES.values(), ids=list(CASES))
def test_a_message_gives_the_fields_of_its_event(event: dict[str, Any], expected: dict[str, Any]) -> None:
    read_message(event)
    assert {name: event.get(name) for name in expected} == expected


def test_what_an_event_says_itself_stands_over_its_message() -> None:
    event = {"Channel": SECURITY, "EventID": 4625, "Message": LOGON, "TargetUserName": "lee"}
    before = dict(event)
    read_message(event)
    assert event == before


@pytest.mark.parametrize(
    "event", [{}, {"Channel": SECURITY, "EventID": 4625}, {"Channel": "Mail", "EventID": 1, "Message": "User: x"}]
)
def test_other_events_are_left_as_they_are(event: dict[str, Any]) -> None:
    before = dict(event)
    read_message(event)
    assert event == before
