"""The head of a line of a syslog file: time, host, program, process id.

Two forms are written to files: the traditional one of RFC 3164 (`Nov 22 10:00:00 host sshd[812]: text`, without a
year and a zone) and rsyslog's and systemd's with an RFC 3339 time. A `<PRI>` before either is passed over.
"""

import re
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from collectors.logs.clocks import MONTHS, moment_stamp, yearless_stamp
from collectors.stamps import canonical_stamp

_HEAD = re.compile(
    r"(?:<\d{1,3}>(?:1 )?)?"
    r"(?:(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d{1,2})(?: (?P<year>\d{4}))? (?P<clock>\d\d:\d\d:\d\d)(?P<part>\.\d+)?"
    r"|(?P<iso>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?))"
    r"(?: (?P<host>[^\s:\[]+(?::[0-9A-Fa-f:]+)?))?? "
    r"(?:(?P<program>[\w./@()+-]{1,64}?)(?:\[(?P<pid>\d{1,10})(?:\.\d+)?\])?: ?|(?P<kernel>(?=\[ *\d+\.\d+\])))"
)
_BARE = re.compile(_HEAD.pattern.rsplit("(?:(?P<program>", 1)[0])
LOOKS = _BARE


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
        text, message, pid = line[start:], line[head.end() :], head["pid"] or ""
    else:
        head = _BARE.match(line)
        if head is None:
            return None
        program, pid, message = "", "", line[head.end() :]
        text = message
    return SyslogLine(_stamp(head, now, zone), head["host"] or "", _base(program), pid, message, text)


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
