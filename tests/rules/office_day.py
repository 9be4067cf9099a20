"""A day of an office nobody would report: mistyped passwords, messengers, machines that are off, a stick for a talk."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from jikimi.domain.event import TIMESTAMP, Event, format_time
from jikimi.domain.logsource import LogSource

MIDNIGHT = datetime(2026, 11, 23, 15, tzinfo=UTC)
"""Of a Tuesday in Seoul."""
FLOW = LogSource("jikimi", "network_flow")
FILES = LogSource("jikimi", "file_access")
MEDIA = LogSource("jikimi", "removable_media")
WINDOWS = LogSource("windows", service="security")
SSHD = LogSource("linux", service="sshd")
FIREWALL = LogSource("fortigate", "firewall")
WEB = LogSource(category="webserver")
PCS = 25
SERVICES = {"203.0.113.10": 120, "203.0.113.20": 3600, "203.0.113.30": 600, "203.0.113.40": 1800}
"""Messenger, virus signatures, mail, updates: address → seconds between two calls."""

Happened = tuple[datetime, LogSource, Event]


def office_day(seed: int) -> list[Happened]:
    """In order of time."""
    chance = random.Random(seed)
    found = [one for number in range(PCS) for one in _pc(number, chance)]
    found += [*_internet(chance), *_visitors(chance)]
    return sorted(
        ((at, source, {TIMESTAMP: format_time(at), **event}) for at, source, event in found), key=lambda one: one[0]
    )


def _at(hour: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hour)


def _pc(number: int, chance: random.Random) -> Iterator[Happened]:
    host, address = f"PC-{number:02}", f"192.168.10.{number + 10}"
    came, left = _at(chance.gauss(8.8, 0.3)), _at(chance.gauss(18.5, 0.5))

    def during() -> datetime:
        return came + (left - came) * chance.random()

    def flow(to: str, port: int, size: int = 900, state: str = "established") -> Event:
        event = {"Hostname": host, "SourceIp": address, "DestinationIp": to, "DestinationPort": port, "Protocol": "tcp"}
        amounts = {"BytesOut": size, "BytesIn": size * 3 if state == "established" else 0, "EndReason": "fin"}
        return event | amounts | {"Initiated": "true", "ConnectionState": state}

    for service, every in SERVICES.items():
        at = came + timedelta(seconds=chance.uniform(0, every))
        while at < left:
            yield at, FLOW, flow(service, 443)
            at += timedelta(seconds=every * chance.uniform(0.9, 1.1))
    for _ in range(150):
        yield during(), FLOW, flow(f"198.51.100.{chance.randint(1, 250)}", 443, chance.randint(700, 90_000))
    for _ in range(20):
        yield during(), FLOW, flow(f"192.168.10.{chance.choice((2, 3))}", 445, 50_000)
    for _ in range(8):  # printers and computers that are off
        yield during(), FLOW, flow(f"192.168.10.{chance.randint(10, 60)}", chance.choice((445, 9100)), 60, "no_answer")
    yield from _logons(host, came, chance)
    yield from _documents(host, during(), chance)


def _logons(host: str, came: datetime, chance: random.Random) -> Iterator[Happened]:
    for mistyped in range(chance.choice((0, 1, 1, 2, 4))):
        event = {"Channel": "Security", "EventID": 4625, "Computer": host, "Hostname": host, "LogonType": 2}
        who = {"TargetUserName": f"user-{host}", "IpAddress": chance.choice(("127.0.0.1", "-"))}
        yield came + timedelta(seconds=10 * mistyped), WINDOWS, event | who


def _documents(host: str, at: datetime, chance: random.Random) -> Iterator[Happened]:
    seen = {"Hostname": host, "Image": r"C:\CAD\acad.exe", "User": f"user-{host}"}
    for number in range(chance.randint(3, 12)):
        drawing = {"TargetFilename": rf"D:\drawings\{chance.randint(1, 400)}.dwg", "SizeBytes": 900_000}
        of_work = {"Action": chance.choice(("read", "read", "modify")), "Protected": True, "Removable": False}
        yield at + timedelta(seconds=40 * number), FILES, seen | drawing | of_work
    if chance.random() < 0.1:
        stick = {"Hostname": host, "Serial": "KNOWN-1", "MountPoint": "E:"}
        for second, action in ((0, "connect"), (1, "mount"), (300, "unmount"), (301, "disconnect")):
            yield at + timedelta(seconds=600 + second), MEDIA, stick | {"Action": action}
        for number in range(4):
            talk = {"TargetFilename": rf"E:\talk\{number}.pptx", "SizeBytes": 5_000_000}
            copied = {"Action": "create", "Protected": False, "Removable": True}
            yield at + timedelta(seconds=620 + 5 * number), FILES, seen | talk | copied


def _internet(chance: random.Random) -> Iterator[Happened]:
    """What knocks at every address that is open to the world."""
    for _ in range(300):
        tried = {"Hostname": "srv-web", "Method": "password", "Outcome": "failure"}
        yield _at(chance.uniform(0, 24)), SSHD, tried | {"SourceIp": f"198.51.100.{chance.randint(1, 90)}"}
    for _ in range(2_000):
        denied = {"src_ip": f"203.0.113.{chance.randint(1, 250)}", "dst_ip": f"192.0.2.{chance.randint(1, 6)}"}
        port = chance.choice((22, 23, 80, 443, 445, 3389, chance.randint(1, 65_535)))
        yield _at(chance.uniform(0, 24)), FIREWALL, denied | {"Hostname": "utm", "dst_port": port, "action": "deny"}


def _visitors(chance: random.Random) -> Iterator[Happened]:
    for _ in range(100):
        at, who = _at(chance.triangular(6, 23, 14)), f"203.0.113.{chance.randint(1, 250)}"
        for page in range(chance.randint(1, 30)):
            path = chance.choice((f"/product/{chance.randint(1, 90)}", "/favicon.ico"))
            status = chance.choice((200, 200, 200, 200, 304, 404))
            asked = {"c-ip": who, "cs-method": "GET", "cs-uri-stem": path, "sc-status": status}
            yield at + timedelta(seconds=3 * page), WEB, asked | {"cs-user-agent": "Mozilla/5.0", "Hostname": "srv-web"}
