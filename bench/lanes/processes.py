"""Sysmon's event 1 on office computers."""

from collections.abc import Iterator
from random import Random

from bench.lanes.values import COMPUTERS, PEOPLE, guid, hashes, hexadecimal, moments, rendered, word
from jikimi.domain.event import Event

CHANNEL = "Microsoft-Windows-Sysmon/Operational"

# Image, description, company, and a command line with what differs from one start to the next in braces.
_PROGRAMS = (
    ("C:\\Windows\\System32\\svchost.exe", "Host Process for Windows Services", "{image} -k netsvcs -p -s {service}"),
    ("C:\\Windows\\System32\\conhost.exe", "Console Window Host", "\\??\\{image} 0xffffffff -ForceV1"),
    ("C:\\Windows\\System32\\backgroundTaskHost.exe", "Background Task Host", '"{image}" -ServerName:App.{new}.mca'),
    ("C:\\Windows\\System32\\RuntimeBroker.exe", "Runtime Broker", "{image} -Embedding"),
    ("C:\\Windows\\System32\\taskhostw.exe", "Host Process for Windows Tasks", "taskhostw.exe {service}"),
    ("C:\\Windows\\System32\\dllhost.exe", "COM Surrogate", "{image} /Processid:{guid}"),
    ("C:\\Windows\\System32\\SearchProtocolHost.exe", "Windows Search", '"{image}" Global\\Usgthrctrl{new}_ 1 2147'),
    ("C:\\Windows\\System32\\wbem\\WmiPrvSE.exe", "WMI Provider Host", "{image} -secured -Embedding"),
    ("C:\\Windows\\System32\\notepad.exe", "Notepad", '"{image}" C:\\Users\\{person}\\Documents\\{new}.txt'),
    ("C:\\Windows\\System32\\cmd.exe", "Windows Command Processor", 'cmd /c ""C:\\Tools\\build\\{new}.cmd" release"'),
    ("C:\\Windows\\explorer.exe", "Windows Explorer", "{image} /factory,{guid} -Embedding"),
    ("C:\\Program Files\\Git\\cmd\\git.exe", "Git for Windows", "git.exe rev-parse --verify {hex}"),
    (
        "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
        "Google Chrome",
        '"{image}" --type=renderer --lang=ko {chrome}',
    ),
    (
        "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
        "Microsoft Edge",
        '"{image}" --type=utility {chrome}',
    ),
    (
        "C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE",
        "Microsoft Word",
        '"{image}" /n "C:\\Users\\{person}\\Documents\\{new}.docx" /o ""',
    ),
    (
        "C:\\Program Files\\Microsoft Office\\root\\Office16\\EXCEL.EXE",
        "Microsoft Excel",
        '"{image}" "\\\\files\\sales\\{new}.xlsx"',
    ),
    (
        "C:\\Program Files\\7-Zip\\7zFM.exe",
        "7-Zip File Manager",
        '"{image}" "C:\\Users\\{person}\\Downloads\\{new}.zip"',
    ),
    (
        "C:\\Program Files (x86)\\HNC\\Office 2022\\HOffice120\\Bin\\Hwp.exe",
        "Hwp 2022",
        '"{image}" "D:\\도면\\{new}.hwp"',
    ),
    (
        "C:\\Users\\{person}\\AppData\\Local\\Microsoft\\Teams\\current\\Teams.exe",
        "Microsoft Teams",
        '"{image}" --type=renderer {chrome}',
    ),
    ("C:\\Program Files\\Python311\\python.exe", "Python", "python.exe -m pytest -q tests\\{new}"),
)
_SERVICES = ("BITS", "Schedule", "wuauserv", "DsmSvc", "gpsvc", "NetSetupSvc", "lfsvc", "iphlpsvc")
_PARENTS = ("C:\\Windows\\System32\\services.exe", "C:\\Windows\\explorer.exe", "C:\\Windows\\System32\\svchost.exe")
_CHROME = "--enable-features=Shared --field-trial-handle={hex},i,{hex} --mojo-platform-channel-handle={number}"
_KNOWN_LINES = 300
_NEW_IN_TEN = 3
_OF_A_SESSION = ("LogonGuid", "LogonId", "TerminalSessionId", "IntegrityLevel")
_OF_A_FILE = ("FileVersion", "Hashes")


def repeated_processes(random: Random) -> Iterator[Event]:
    """Three of ten command lines are new; programs (with their versions and hashes), parents, people and their sessions
    repeat."""
    known = [_start(random) for _ in range(_KNOWN_LINES)]
    sessions: dict[str, Event] = {}
    files: dict[str, Event] = {}
    for moment in moments(random):
        image, description, line, person = (
            random.choice(known) if random.randrange(10) >= _NEW_IN_TEN else _start(random)
        )
        parent = random.choice(_PARENTS)
        event = _event(random, moment, image, description, line, parent, f'"{parent}"', person)
        session = sessions.setdefault(person, {name: event[name] for name in _OF_A_SESSION})
        file = files.setdefault(image, {name: event[name] for name in _OF_A_FILE})
        yield event | session | file


def new_processes(random: Random) -> Iterator[Event]:
    """No program, command line, parent or user was seen before."""
    for moment in moments(random):
        _, description, line, person = _start(random)
        image, parent = _new_image(random), _new_image(random)
        line = f'"{image}" --job {word(random)} {line.rpartition(" ")[2]} {hexadecimal(random, 12)}'
        parent_line = f'"{parent}" -c {word(random, 12)}.ini'
        yield _event(
            random,
            moment,
            image,
            f"{description} {word(random, 5)}",
            line,
            parent,
            parent_line,
            person + word(random, 4),
        )


def _new_image(random: Random) -> str:
    return f"C:\\Program Files\\{word(random)}\\{word(random, 6)}\\{word(random)}.exe"


def _start(random: Random) -> tuple[str, str, str, str]:
    image, description, line = random.choice(_PROGRAMS)
    person = random.choice(PEOPLE)
    image = image.format(person=person)
    said = {
        "image": image,
        "person": person,
        "service": random.choice(_SERVICES),
        "new": word(random),
        "guid": guid(random),
        "hex": hexadecimal(random, 16),
        "chrome": _CHROME.format(hex=hexadecimal(random, 12), number=random.randrange(1000, 9000)),
    }
    return image, description, line.format(**said), person


def _event(
    random: Random, moment: str, image: str, description: str, line: str, parent: str, parent_line: str, person: str
) -> Event:
    name = image.rpartition("\\")[2]
    fields = {
        "RuleName": "-",
        "UtcTime": moment[:-4].replace("T", " "),
        "ProcessGuid": guid(random),
        "ProcessId": random.randrange(4, 30_000),
        "Image": image,
        "FileVersion": f"10.0.{random.randrange(19041, 22631)}.1",
        "Description": description,
        "Product": "Microsoft Windows Operating System" if "\\Windows\\" in image else description,
        "Company": "Microsoft Corporation" if "\\Windows\\" in image else "Example Software",
        "OriginalFileName": name,
        "CommandLine": line,
        "CurrentDirectory": "C:\\Windows\\system32\\",
        "User": f"OFFICE\\{person}",
        "LogonGuid": guid(random),
        "LogonId": f"0x{random.randrange(1 << 20):x}",
        "TerminalSessionId": random.randrange(3),
        "IntegrityLevel": random.choice(("Medium", "Medium", "System", "High")),
        "Hashes": hashes(random),
        "ParentProcessGuid": guid(random),
        "ParentProcessId": random.randrange(4, 30_000),
        "ParentImage": parent,
        "ParentCommandLine": parent_line,
        "ParentUser": "NT AUTHORITY\\SYSTEM",
    }
    return {
        "@timestamp": moment,
        "Channel": CHANNEL,
        "Provider_Name": "Microsoft-Windows-Sysmon",
        "EventID": 1,
        "Computer": random.choice(COMPUTERS),
        "RecordId": random.randrange(1, 10**7),
        **rendered(fields),
    }
