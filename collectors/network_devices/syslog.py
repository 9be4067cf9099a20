"""One syslog message, new (RFC 5424) or old (RFC 3164, as devices really write it), taken apart.

Never raises: a message in neither form is all text. Bytes that are not UTF-8 are read as cp949, the code page of Korean
devices.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from collectors.logs.clocks import LATE

LONGEST = 8 * 1024
"""Bytes of a message that are read (RFC 5424 asks for 2,048); the rest is cut off."""

_PRIORITY = re.compile(r"<(\d{1,3})>")
_NEW = re.compile(r"[1-9]\d{0,2} (\S{1,64}) (\S{1,255}) (\S{1,128}) (\S{1,128}) (\S{1,64})(?: |$)")
_STAMPED = re.compile(r"[1-9]\d{0,2} (\d{4}-\d\d-\d\dT\S{1,48}) (?=\[)")  # SECUI: version and time, then its own text
_ISO = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)(?: |$)")
_OLD = re.compile(
    r"(?:\d{1,10}: )?[*.]?(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d{1,2})(?: (?P<year>\d{4}))? "
    r"(?P<clock>\d\d:\d\d:\d\d)(?:\.(?P<part>\d{1,9}))?(?: (?P<zone>UTC|GMT|KST))?:? "
)
_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # not the locale's
_MONTHS = {name: n for n, name in enumerate(_NAMES, 1)}
ZONES: dict[str | None, tzinfo] = {"UTC": UTC, "GMT": UTC, "KST": timezone(timedelta(hours=9))}
_HOST = re.compile(r"([A-Za-z0-9][\w.:\-]{0,254})(?: |$)")
_TAG = re.compile(r"([\w.\-/]{1,64})(?:\[(\w{1,16})\])?: ?")
_PAIR = re.compile(r' ([^=\s\]"]{1,64})="((?:[^"\\\]]|\\.)*)"')
_ELEMENT = re.compile(r"\[([^=\s\]\"]{1,64})")
_ESCAPED = re.compile(r'\\(["\\\]])')


class Message(NamedTuple):
    """Empty strings and None for what the message does not say; `time` is aware."""

    text: str
    time: datetime | None = None
    host: str = ""
    program: str = ""
    process: str = ""
    message_id: str = ""
    facility: int | None = None
    severity: int | None = None
    data: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default is never changed


def parse(raw: bytes, now: datetime, zone: tzinfo = UTC) -> Message:
    """For a time that states none: `zone`, and the latest year in which it is not more than a day after `now`."""
    text = _decode(raw[:LONGEST]).rstrip("\r\n\0 ")
    facility = severity = None
    if (priority := _PRIORITY.match(text)) and int(priority[1]) < 192:
        facility, severity = divmod(int(priority[1]), 8)
        text = text[priority.end() :]
        if stamped := _STAMPED.match(text):
            message = Message(text[stamped.end() :], _iso(stamped[1], zone))
        elif new := _NEW.match(text):
            message = _new(new, text, zone)
        else:
            message = _old(text, now, zone)
    else:
        message = _old(text, now, zone)
    return message._replace(facility=facility, severity=severity)


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        return raw.decode("cp949", "replace")


def _new(head: re.Match[str], text: str, zone: tzinfo) -> Message:
    time, host, program, process, message_id = ("" if part == "-" else part for part in head.groups())
    data, at = _structured(text, head.end())
    return Message(
        text[at:].lstrip().removeprefix("\ufeff"), _iso(time, zone), host, program, process, message_id, data=data
    )


def _structured(text: str, at: int) -> tuple[dict[str, str], int]:
    """Structured data, `id.name` → value, and where it ends; at most what is well formed."""
    if text[at : at + 1] == "-":
        return {}, at + 1
    data: dict[str, str] = {}
    while element := _ELEMENT.match(text, at):
        end = element.end()
        found: dict[str, str] = {}
        while pair := _PAIR.match(text, end):
            found[f"{element[1]}.{pair[1]}"] = _ESCAPED.sub(r"\1", pair[2])
            end = pair.end()
        if text[end : end + 1] != "]":
            break  # not structured data after all: it stays text
        data |= found
        at = end + 1
    return data, at


def _old(text: str, now: datetime, zone: tzinfo) -> Message:
    time, rest = _time(text, now, zone)
    host = ""
    if time is not None and (named := _HOST.match(rest)) and not _TAG.match(rest):
        host, rest = named[1], rest[named.end() :]
    if tag := _TAG.match(rest):
        return Message(rest[tag.end() :], time, host, tag[1], tag[2] or "")
    return Message(rest, time, host)


def time_of(text: str, now: datetime, zone: tzinfo) -> datetime | None:
    """What a field of a line states: `Dec 01 2026 09:00:00.123 KST`, or as RFC 3339 has it. None for anything else."""
    return _time(f"{text} ", now, zone)[0]


def _time(text: str, now: datetime, zone: tzinfo) -> tuple[datetime | None, str]:
    """The time at the beginning of `text`, and what follows it."""
    if iso := _ISO.match(text):
        return _iso(iso[1], zone), text[iso.end() :]
    old = _OLD.match(text)
    if old is None or (month := _MONTHS.get(old["month"])) is None:
        return None, text
    hour, minute, second = map(int, old["clock"].split(":"))
    micro = int((old["part"] or "0")[:6].ljust(6, "0"))
    where = ZONES.get(old["zone"], zone)
    for year in [int(old["year"])] if old["year"] else range(now.year + 1, now.year - 8, -1):
        try:
            moment = datetime(year, month, int(old["day"]), hour, minute, min(second, 59), micro, where)
            if old["year"] or moment <= now + LATE:
                return moment, text[old.end() :]
        except (ValueError, OverflowError):
            continue  # 29 February, or no day at all
    return None, text


def _iso(text: str, zone: tzinfo) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.replace(",", "."))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
