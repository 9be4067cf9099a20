"""DNS servers' own log files: BIND's queries category, unbound's, and the debug log of Windows DNS.

What comes through the system log is read there (messages.py); the message part is the same (dns_query.py).
"""

import re
from collections.abc import Sequence
from datetime import datetime

from collectors.logs.dns_query import query_fields
from collectors.logs.port import Reading
from collectors.source_event import SourceEvent
from collectors.stamps import canonical_stamp, stamp_of
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import LogSource

DNS = LogSource(category="dns")

_BIND = re.compile(
    r"(?P<time>\d{1,2}-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d(?:\.\d+)?) (?P<message>(?:[\w-]+: )*client .*)"
)
_UNBOUND = re.compile(r"\[(?P<time>\d{9,11})\] unbound\[\d+:[0-9a-f]+\] (?P<message>.*)")
_WINDOWS = re.compile(
    r"(?P<time>\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4} (?:\w{2} )?\d{1,2}:\d\d:\d\d(?: [AP]M)?) "
    r"[0-9A-F]{3,8} PACKET\s+[0-9A-F]{8,16} "
    r"(?P<proto>UDP|TCP) (?P<way>Rcv|Snd) (?P<SourceIp>[0-9A-Fa-f.:]+)\s+[0-9a-f]{4} (?P<answer>[R ]) (?P<op>[QNU?]) "
    r"\[[^\]]*\] (?P<record_type>\S+)\s+(?P<name>\(\d+\).*)"
)
LOOKS = re.compile(
    r"\d{1,2}-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d(?:\.\d+)? (?:[\w-]+: )*client .*query: "
    r"|\[\d{9,11}\] unbound\[|\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4} .{7,12} [0-9A-F]{3,8} PACKET "
)
_LABEL = re.compile(r"\(\d+\)")
_WINDOWS_FORMS = (
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
)


class DnsLog:
    """One query or answer a line; the servers' other lines pass without an event."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def feed(self, line: str) -> Sequence[SourceEvent]:
        if (found := _BIND.match(line)) is not None:
            return self._event(
                self._local(found["time"], ("%d-%b-%Y %H:%M:%S.%f", "%d-%b-%Y %H:%M:%S")), "named", found
            )
        if (found := _UNBOUND.match(line)) is not None:
            return self._event(canonical_stamp(int(found["time"])), "unbound", found)
        if (found := _WINDOWS.match(line)) is not None:
            return self._windows(found)
        if LOOKS.match(line) is not None:
            self._reading.lost("a damaged line of a DNS log")
        return []

    def flush(self) -> Sequence[SourceEvent]:
        return []

    def _event(self, stamp: str | None, program: str, found: "re.Match[str]") -> Sequence[SourceEvent]:
        asked = query_fields(program, found["message"])
        return [SourceEvent(DNS, _stamped(stamp) | asked)] if asked else []

    def _windows(self, found: "re.Match[str]") -> Sequence[SourceEvent]:
        stamp = self._local(found["time"], _WINDOWS_FORMS)
        name = _LABEL.sub(".", found["name"].strip()).strip(".")
        event = _stamped(stamp) | {
            "query": name or ".",
            "record_type": found["record_type"],
            "SourceIp": found["SourceIp"],
            "Protocol": found["proto"].lower(),
            "Direction": found["way"].lower(),
        }
        return [SourceEvent(DNS, event)]

    def _local(self, text: str, forms: Sequence[str]) -> str | None:
        for form in forms:
            try:
                return stamp_of(datetime.strptime(text, form).replace(tzinfo=self._reading.zone))
            except (ValueError, OverflowError):
                continue
        return None


def _stamped(stamp: str | None) -> Event:
    return {TIMESTAMP: stamp} if stamp is not None else {}
