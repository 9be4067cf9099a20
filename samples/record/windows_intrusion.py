"""Writes samples/stories/windows_intrusion.ndjson, of our own writing, with the fields Windows and Sysmon really have.

Somebody guesses a password over remote desktop, runs a hidden command, reads the password store, puts a service on
the file server and clears its log.
"""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 11, 21, 18, 2, tzinfo=UTC)
PC, SERVER = "영업PC-02.example.com", "FILESRV-1.example.com"
INTRUDER = "203.0.113.50"
SYSMON = {"Channel": "Microsoft-Windows-Sysmon/Operational", "Provider_Name": "Microsoft-Windows-Sysmon"}
SECURITY = {"Channel": "Security", "Provider_Name": "Microsoft-Windows-Security-Auditing"}
SYSTEM = {"Channel": "System", "Provider_Name": "Service Control Manager"}
POWERSHELL = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"
HIDDEN = "VwByAGkAdABlAC0ASABvAHMAdAAgACcAZQB4AGEAbQBwAGwAZQAnADsAIABXAHIAaQB0AGUALQBIAG8AcwB0ACAAMQA="


def main() -> None:
    for record, (moment, event) in enumerate(story(), 1):
        stamp = (START + timedelta(seconds=moment)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        line = {"@timestamp": stamp, "EventRecordID": 40_000 + record} | event
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


def story() -> Iterator[tuple[float, dict[str, Any]]]:
    """(seconds after START, event)."""
    logon = {"TargetUserName": "yh.lee", "TargetDomainName": "EXAMPLE", "IpAddress": INTRUDER, "Computer": PC}
    for n in range(34):
        yield 3.0 * n, SECURITY | logon | {"EventID": 4625, "LogonType": 3, "Status": "0xc000006d"}
    yield 108, SECURITY | logon | {"EventID": 4624, "LogonType": 10, "LogonProcessName": "User32 "}
    yield (
        171,
        SYSMON
        | {
            "EventID": 1,
            "Computer": PC,
            "User": "EXAMPLE\\yh.lee",
            "Image": POWERSHELL,
            "CommandLine": f"powershell.exe -NoP -NonI -W Hidden -Enc {HIDDEN}",
            "ParentImage": "C:\\Windows\\System32\\cmd.exe",
            "IntegrityLevel": "High",
        },
    )
    yield (
        190,
        SYSMON
        | {
            "EventID": 10,
            "Computer": PC,
            "SourceUser": "EXAMPLE\\yh.lee",
            "SourceImage": "C:\\Users\\yh.lee\\AppData\\Local\\Temp\\upd.exe",
            "TargetImage": "C:\\Windows\\System32\\lsass.exe",
            "GrantedAccess": "0x1010",
        },
    )
    yield (
        260,
        SYSTEM
        | {
            "EventID": 7045,
            "Computer": SERVER,
            "ServiceName": "UpdSvc",
            "ImagePath": "%COMSPEC% /Q /c C:\\Windows\\Temp\\upd.bat",
            "AccountName": "LocalSystem",
        },
    )
    cleared = {"EventID": 1102, "Computer": SERVER, "SubjectUserName": "yh.lee", "SubjectDomainName": "EXAMPLE"}
    yield 301, SECURITY | {"Provider_Name": "Microsoft-Windows-Eventlog"} | cleared


main()
