"""Values that the lanes have in common."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from jikimi.domain.event import Event, format_time

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
COMPUTERS = tuple(f"PC-{number:03}.office.example.com" for number in range(40))
PEOPLE = ("kim.minji", "lee.jun", "park.seoyeon", "choi.haneul", "jung.doyun", "kang.jiwoo", "yoon.hana", "lim.taeho")


def word(random: Random, length: int = 8) -> str:
    """Letters that say nothing."""
    return "".join(random.choices(_LETTERS, k=length))


def hexadecimal(random: Random, digits: int) -> str:
    """Upper case."""
    return f"{random.getrandbits(4 * digits):0{digits}X}"


def guid(random: Random) -> str:
    """In braces, as Windows writes it."""
    raw = hexadecimal(random, 32).lower()
    return f"{{{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}}}"


def hashes(random: Random) -> str:
    """As Sysmon writes them."""
    return f"MD5={hexadecimal(random, 32)},SHA256={hexadecimal(random, 64)},IMPHASH={hexadecimal(random, 32)}"


def inside(random: Random) -> str:
    """An address of the office."""
    return f"192.0.2.{random.randrange(1, 255)}"


def outside(random: Random) -> str:
    """An address of somebody else."""
    return f"{random.choice(('198.51.100', '203.0.113'))}.{random.randrange(1, 255)}"


def moments(random: Random) -> Iterator[str]:
    """Times that go on, a few milliseconds apart."""
    at = datetime(2026, 11, 2, 0, 0, tzinfo=UTC)
    while True:
        at += timedelta(milliseconds=random.randrange(1, 40))
        yield format_time(at)


def rendered(fields: Event) -> Event:
    """With the text that a log forwarder renders of the fields."""
    return fields | {"Message": "\r\n".join(f"{name}: {value}" for name, value in fields.items())}
