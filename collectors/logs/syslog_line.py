"""The head of a line of a syslog file: time, host, program, process id.

Three forms are written to files: the traditional one of RFC 3164 (`Nov 22 10:00:00 host sshd[812]: text`, without a
year and a zone), the same with an RFC 3339 time (rsyslog, systemd), and RFC 5424. A `<PRI>` is passed over.
"""

import re
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from collectors.logs.clocks import MONTHS, moment_stamp, yearless_stamp
from collectors.stamps import canonical_stamp

_WHEN = (
    r"(?:<\d{1,3}>)?"
    r"(?:(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d{1,2})(?: (?P<year>\d{4}))? (?P<clock>\d\d:\d\d:\d\d)(?P<part>\.\d+)?"
    r"|(?P<iso>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?))"
)
_TIME = re.compile(_WHEN)
_BUSYBOX = (
    r"(?:(?:kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp|local[0-7])"
    r"\.(?:emerg|alert|crit|err|warn|notice|info|debug) )?"
)
"""Facility and severity, which BusyBox's syslogd writes before the program (Alpine, many devices)."""
_HEAD = re.compile(
    _WHEN
    + r"(?: (?P<host>[^\s:\[]+(?::[0-9A-Fa-f:]+)?))?? "
    + _BUSYBOX
    + r"(?:(?P<program>[\w./@()+-]{1,64}?)(?:\[(?P<pid>\d{1,10})(?:\.\d+)?\])?: ?|(?P<kernel>(?=\[ *\d+\.\d+\])))"
)
_5424 = re.compile(
    r"<\d{1,3}>1 (?P<iso>\d{4}-\d\d-\d\dT\S{8,25}) (?P<host>\S+) (?P<program>\S+) (?P<pid>\S+) \S+ "
    r"(?:-|(?:\[(?:[^\]\\]|\\.)*\])+)(?: \ufeff?|$)"
)
LOOKS = re.compile(rf"{_WHEN} |<\d{{1,3}}>1 \d{{4}}-")


class SyslogLine(NamedTuple):
    """`stamp` is canonical; `text` begins with the program, as it stands in the log (rules look for it so)."""

    stamp: str | None
    host: str
    program: str
    pid: str
    message: str
    text: str


def syslog_line(line: str, now: datetime, zone: tzinfo = UTC) -> SyslogLine | None:
    """The parts of `line`, or None when it does not begin with a time. `now` and `zone` as in port.Reading."""
    head = _HEAD.match(line)
    if head is not None:
        program = head["program"] or "kernel"
        start = head.start("program") if head["program"] else head.end()
        return _line(_stamp(head, now, zone), head["host"], program, head["pid"], line[head.end() :], line[start:])
    if (head := _5424.match(line)) is not None:
        # rsyslog carries the blank that RFC 3164 has before a message into the message
        program, pid, message = head["program"], head["pid"], line[head.end() :].removeprefix(" ")
        text = f"{program}[{pid}]: {message}" if pid != "-" else f"{program}: {message}"
        return _line(canonical_stamp(head["iso"]), head["host"], program, pid, message, text)
    if (head := _TIME.match(line)) is not None:
        message = line[head.end() :].lstrip()
        return _line(_stamp(head, now, zone), "", "", "", message, message)
    return None


def _line(stamp: str | None, host: str | None, program: str, pid: str | None, message: str, text: str) -> SyslogLine:
    """Without the dashes that RFC 5424 writes for what is not known."""
    known = ["" if value in (None, "-") else str(value) for value in (host, pid)]
    return SyslogLine(stamp, known[0], _base(program), known[1], message, text)


def stamp_at_start(line: str, now: datetime, zone: tzinfo = UTC) -> str | None:
    """The time `line` begins with, in either form; None when it begins with none."""
    head = _TIME.match(line)
    return _stamp(head, now, zone) if head is not None else None


def _base(program: str) -> str:
    """`sshd` for `sshd`, `/usr/sbin/sshd`, `postfix/smtpd` gives `smtpd`; `CRON` as `cron`."""
    return program.rsplit("/", 1)[-1].strip("()").lower()


def _stamp(head: "re.Match[str]", now: datetime, zone: tzinfo) -> str | None:
    if head["iso"]:
        text = head["iso"].replace(",", ".")
        if text[-1] == "Z" or text[19:].lstrip(".0123456789"):
            return canonical_stamp(text)
        return moment_stamp(text, zone)
    month = MONTHS.get(head["month"].lower())
    if month is None:
        return None
    return yearless_stamp(month, int(head["day"]), head["clock"] + (head["part"] or ""), head["year"], now, zone)
