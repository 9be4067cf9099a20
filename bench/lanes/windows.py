"""What a Windows computer logs all day: Sysmon, Security, PowerShell and System, new as often as in recordings."""

from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from bench.lanes.processes import CHANNEL as SYSMON
from bench.lanes.processes import repeated_processes
from bench.lanes.values import COMPUTERS, PEOPLE, guid, hashes, hexadecimal, inside, moments, outside, rendered, word
from jikimi.domain.event import Event

_Fields = Callable[[Random], Event]

_IMAGES = tuple(
    f"C:\\{place}.exe"
    for place in (
        "Windows\\System32\\svchost",
        "Windows\\System32\\services",
        "Windows\\System32\\lsass",
        "Windows\\System32\\wbem\\WmiPrvSE",
        "Windows\\System32\\SearchIndexer",
        "Windows\\explorer",
        "Program Files\\Google\\Chrome\\Application\\chrome",
        "Program Files\\Microsoft Office\\root\\Office16\\OUTLOOK",
        "Program Files (x86)\\Microsoft\\Edge\\Application\\msedge",
        "Program Files\\Example\\Backup\\agent",
    )
)
_LIBRARIES = ("ntdll", "kernel32", "KernelBase", "user32", "advapi32", "ole32", "combase", "bcrypt", "ws2_32", "msvcrt")
_KEYS = (
    "HKLM\\System\\CurrentControlSet\\Services\\bam\\State\\UserSettings",
    "HKU\\S-1-5-21-1004336348-1177238915-682003330-1105\\Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\RecentDocs",
    "HKLM\\System\\CurrentControlSet\\Services\\Tcpip\\Parameters\\Interfaces",
    "HKLM\\System\\CurrentControlSet\\Services\\W32Time\\SecureTimeLimits",
)


def _image(random: Random) -> Event:
    return {"ProcessGuid": guid(random), "ProcessId": random.randrange(4, 30_000), "Image": random.choice(_IMAGES)}


def _accessed(random: Random) -> Event:
    trace = "|".join(
        f"C:\\Windows\\System32\\{random.choice(_LIBRARIES)}.dll+{random.randrange(1 << 20):x}" for _ in range(8)
    )
    return {
        "SourceProcessGUID": guid(random),
        "SourceImage": random.choice(_IMAGES),
        "TargetProcessGUID": guid(random),
        "TargetImage": random.choice(_IMAGES),
        "GrantedAccess": random.choice(("0x1000", "0x1400", "0x3000")),
        "CallTrace": trace,
    }


def _loaded(random: Random) -> Event:
    return _image(random) | {
        "ImageLoaded": f"C:\\Windows\\System32\\{random.choice(_LIBRARIES)}.dll",
        "FileVersion": "10.0.19041.3570 (WinBuild.160101.0800)",
        "Description": "Windows module",
        "Product": "Microsoft Windows Operating System",
        "Company": "Microsoft Corporation",
        "OriginalFileName": f"{random.choice(_LIBRARIES)}.dll",
        "Hashes": hashes(random),
        "Signed": "true",
        "Signature": "Microsoft Windows",
        "SignatureStatus": "Valid",
    }


def _key(random: Random) -> Event:
    kind = random.choice(("CreateKey", "DeleteKey"))
    return {"EventType": kind} | _image(random) | {"TargetObject": f"{random.choice(_KEYS)}\\{guid(random)}"}


def _value(random: Random) -> Event:
    written = random.choice(("Binary Data", "DWORD (0x00000001)", word(random)))
    return _key(random) | {"EventType": "SetValue", "Details": written}


def _created(random: Random) -> Event:
    person = random.choice(PEOPLE)
    suffix = random.choice(("tmp", "docx", "log", "json", "etl"))
    return _image(random) | {"TargetFilename": f"C:\\Users\\{person}\\AppData\\Local\\Example\\{word(random)}.{suffix}"}


def _connected(random: Random) -> Event:
    return _image(random) | {
        "Protocol": "tcp",
        "Initiated": "true",
        "SourceIp": inside(random),
        "SourcePort": random.randrange(49152, 65535),
        "DestinationIp": outside(random),
        "DestinationHostname": f"{word(random)}.example.com",
        "DestinationPort": random.choice((443, 443, 80)),
        "DestinationPortName": "https",
    }


def _asked(random: Random) -> Event:
    return _image(random) | {
        "QueryName": f"{word(random)}.example.com",
        "QueryStatus": "0",
        "QueryResults": f"::ffff:{outside(random)};",
    }


def _allowed(random: Random) -> Event:
    return {
        "Application": "\\device\\harddiskvolume3\\windows\\system32\\svchost.exe",
        "Direction": "%%14593",
        "SourceAddress": inside(random),
        "SourcePort": str(random.randrange(49152, 65535)),
        "DestAddress": outside(random),
        "DestPort": "443",
        "Protocol": "6",
        "LayerName": "%%14611",
        "FilterRTID": str(random.randrange(60_000, 90_000)),
    }


def _subject(random: Random) -> Event:
    return {
        "SubjectUserSid": "S-1-5-18",
        "SubjectUserName": "SYSTEM",
        "SubjectDomainName": "NT AUTHORITY",
        "SubjectLogonId": f"0x{random.randrange(1 << 20):x}",
    }


def _logged_on(random: Random) -> Event:
    return _subject(random) | {
        "TargetUserName": random.choice(PEOPLE),
        "TargetDomainName": "OFFICE",
        "TargetLogonId": f"0x{random.randrange(1 << 24):x}",
        "LogonType": random.choice((2, 3, 5, 7)),
        "LogonProcessName": "Advapi  ",
        "AuthenticationPackageName": "Negotiate",
        "WorkstationName": random.choice(COMPUTERS)[:6],
        "LogonGuid": guid(random),
        "IpAddress": inside(random),
        "IpPort": str(random.randrange(49152, 65535)),
        "ProcessName": "C:\\Windows\\System32\\svchost.exe",
    }


def _privileged(random: Random) -> Event:
    return _subject(random) | {
        "PrivilegeList": "SeSecurityPrivilege\r\n\t\t\tSeTakeOwnershipPrivilege\r\n\t\t\tSeLoadDriverPrivilege"
    }


def _handled(random: Random) -> Event:
    return _subject(random) | {
        "ObjectServer": "Security",
        "ObjectType": "File",
        "ObjectName": f"D:\\Share\\{word(random)}\\{word(random)}.dwg",
        "HandleId": f"0x{random.randrange(1 << 16):x}",
        "AccessMask": "0x1",
        "AccessList": "%%4416\r\n\t\t\t\t",
        "ProcessName": random.choice(_IMAGES),
    }


def _module(random: Random) -> Event:
    name = random.choice(("Get-Item", "Get-ChildItem", "Write-Verbose", "Test-Path", "Join-Path"))
    script = f"C:\\Program Files\\Example\\Inventory\\{word(random)}.ps1"
    return {
        "ContextInfo": f"        Severity = Informational\r\n        Host ID = {guid(random)[1:-1]}"
        f"\r\n        Host Application = powershell.exe -File {script}"
        f"\r\n        Command Name = {name}\r\n        Command Type = Cmdlet\r\n        Script Name = {script}\r\n",
        "Payload": f'CommandInvocation({name}): "{name}"\r\nParameterBinding({name}): name="Path"; value="{script}"',
    }


def _script(random: Random) -> Event:
    body = "\r\n".join(f"$total{n} = ($rows | Where-Object {{ $_.Site -eq '{word(random)}' }}).Count" for n in range(8))
    return {
        "MessageNumber": 1,
        "MessageTotal": 1,
        "ScriptBlockText": body,
        "ScriptBlockId": guid(random)[1:-1],
        "Path": "",
    }


def _service(random: Random) -> Event:
    return {
        "param1": "Windows Update",
        "param2": random.choice(("running", "stopped")),
        "Binary": hexadecimal(random, 40),
    }


class _Kind(NamedTuple):
    """`share` and `new` are of a hundred: events of the kind, and among them those with values that are new together.

    How often they are new was measured in public recordings of attacks in a laboratory (Security-Datasets, four files
    of 36,390 events, read in their order). There 27 of a hundred events have new values, here 44, since the lane has
    more of the kinds that repeat themselves little.
    """

    share: int
    new: int
    channel: str
    provider: str
    event_id: int
    fields: _Fields


_KINDS = (
    _Kind(14, 5, SYSMON, "Microsoft-Windows-Sysmon", 10, _accessed),
    _Kind(13, 63, SYSMON, "Microsoft-Windows-Sysmon", 7, _loaded),
    _Kind(12, 20, SYSMON, "Microsoft-Windows-Sysmon", 12, _key),
    _Kind(10, 78, SYSMON, "Microsoft-Windows-Sysmon", 13, _value),
    _Kind(5, 90, SYSMON, "Microsoft-Windows-Sysmon", 11, _created),
    _Kind(4, 100, SYSMON, "Microsoft-Windows-Sysmon", 3, _connected),
    _Kind(2, 62, SYSMON, "Microsoft-Windows-Sysmon", 22, _asked),
    _Kind(2, 3, SYSMON, "Microsoft-Windows-Sysmon", 5, _image),
    _Kind(10, 49, "Security", "Microsoft-Windows-Security-Auditing", 5156, _allowed),
    _Kind(7, 1, "Security", "Microsoft-Windows-Security-Auditing", 4658, _handled),
    _Kind(5, 8, "Security", "Microsoft-Windows-Security-Auditing", 4663, _handled),
    _Kind(3, 75, "Security", "Microsoft-Windows-Security-Auditing", 4624, _logged_on),
    _Kind(2, 3, "Security", "Microsoft-Windows-Security-Auditing", 4672, _privileged),
    _Kind(4, 100, "Microsoft-Windows-PowerShell/Operational", "Microsoft-Windows-PowerShell", 4103, _module),
    _Kind(2, 90, "Microsoft-Windows-PowerShell/Operational", "Microsoft-Windows-PowerShell", 4104, _script),
    _Kind(2, 10, "System", "Service Control Manager", 7036, _service),
)
_PROCESSES = 3
_OF_PROCESSES = ("ProcessGuid", "SourceProcessGUID", "TargetProcessGUID")
_REMEMBERED = 2_000
"""Of a kind."""


def mixed_windows(random: Random) -> Iterator[Event]:
    """Every kind in its share; three of a hundred are process creations."""
    processes = repeated_processes(random)
    shares = [kind.share for kind in _KINDS]
    told: dict[int, list[Event]] = {kind.event_id: [] for kind in _KINDS}
    for moment in moments(random):
        if random.randrange(100) < _PROCESSES:
            yield next(processes)
            continue
        kind = random.choices(_KINDS, shares)[0]
        yield {
            "@timestamp": moment,
            "Channel": kind.channel,
            "Provider_Name": kind.provider,
            "Provider_Guid": "{5770385f-c22a-43e0-bf4c-06f5698ffbd9}",
            "EventID": kind.event_id,
            "Version": 0,
            "Level": 4,
            "Task": kind.event_id,
            "Opcode": 0,
            "Keywords": "0x8000000000000000",
            "RecordId": random.randrange(1, 10**7),
            "ExecutionProcessID": random.randrange(4, 9_000),
            "ExecutionThreadID": random.randrange(4, 9_000),
            "Computer": random.choice(COMPUTERS),
            "UserID": "S-1-5-18",
        } | rendered(_fields(random, kind, told[kind.event_id]))


def _fields(random: Random, kind: _Kind, told: list[Event]) -> Event:
    """New ones, or such as were told before, by another process."""
    if told and random.randrange(100) >= kind.new:
        before = random.choice(told)
        return before | {name: guid(random) for name in _OF_PROCESSES if name in before}
    fields = kind.fields(random)
    if len(told) >= _REMEMBERED:
        told.pop(random.randrange(len(told)))
    told.append(fields)
    return fields
