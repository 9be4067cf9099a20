"""The head of a line of a syslog file: time, host, program, process id.

Two forms are written to files: the traditional one of RFC 3164 (`Nov 22 10:00:00 host sshd[812]: text`, without a
year and a zone) and rsyslog's and systemd's with an RFC 3339 time. A `<PRI>` before either is passed over.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from collectors.stamps import canonical_stamp, stamp_of

_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_HEAD = re.compile(
    r"(?:<\d{1,3}>(?:1 )?)?"
    r"(?:(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d{1,2})(?: (?P<year>\d{4}))? (?P<clock>\d\d:\d\d:\d\d)(?P<part>\.\d+)?"
    r"|(?P<iso>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?))"
    r"(?: (?P<host>[^\s:\[]+(?::[0-9A-Fa-f:]+)?))?? "
    r"(?:(?P<program>[\w./@()+-]{1,64}?)(?:\[(?P<pid>\d{1,10})(?:\.\d+)?\])?: ?|(?P<kernel>(?=\[ *\d+\.\d+\])))"
)
_BARE = re.compile(_HEAD.pattern.rsplit("(?:(?P<program>", 1)[0])
LOOKS = _BARE
LATE = timedelta(days=1)


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
    month = _MONTHS.get(head["month"].lower())
    if month is None:
        return None
    return yearless_stamp(month, int(head["day"]), head["clock"] + (head["part"] or ""), head["year"], now, zone)


def moment_stamp(text: str, zone: tzinfo) -> str | None:
    """Canonical time of an ISO 8601 text without a zone."""
    try:
        return stamp_of(datetime.fromisoformat(text).replace(tzinfo=zone))
    except (ValueError, OverflowError):
        return None


def yearless_stamp(month: int, day: int, clock: str, year: str | None, now: datetime, zone: tzinfo) -> str | None:
    """Canonical time of a date without a year: the latest one that is not more than LATE after `now`."""
    for guess in [int(year)] if year else (now.year + 1, now.year, now.year - 1, now.year - 4):
        try:
            moment = datetime.fromisoformat(f"{guess:04d}-{month:02d}-{day:02d}T{clock[:15]}").replace(tzinfo=zone)
            if year or moment <= now + LATE:
                return stamp_of(moment)
        except (ValueError, OverflowError):
            continue  # 29 February of another year
    return None
