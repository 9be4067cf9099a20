"""Sysmon for Linux: it writes each event as XML into the system log, one line, in the shape of a Windows event.

Channel `Linux-Sysmon/Operational`; event ids and field names are Sysmon's (microsoft/SysmonForLinux). Read with
expressions and not an XML parser: lines are cut by syslog's length limit, and what came before the cut still counts.
"""

import html
import re

from collectors.source_event import SourceEvent
from collectors.stamps import canonical_stamp
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import LogSource

CHANNEL = "Linux-Sysmon/Operational"

_BEGIN = "<Event"
_DATA = re.compile(r'<Data Name="([^"]{1,64})">([^<]*)<(?=/Data>)')
_SYSTEM = {
    "EventID": re.compile(r"<EventID>(\d{1,5})<"),
    "EventRecordID": re.compile(r"<EventRecordID>(\d{1,20})<"),
    "Channel": re.compile(r"<Channel>([^<]{1,100})<"),
    "Computer": re.compile(r"<Computer>([^<]{1,255})<"),
    TIMESTAMP: re.compile(r'<TimeCreated SystemTime="([^"]{1,64})"'),
    "Provider_Name": re.compile(r'<Provider Name="([^"]{1,100})"'),
}
_CATEGORIES = {
    1: "process_creation", 3: "network_connection", 4: "sysmon_status", 5: "process_termination", 9: "raw_access_read",
    10: "process_access", 11: "file_event", 16: "sysmon_status", 23: "file_delete",
}  # fmt: skip


def sysmon_event(message: str) -> SourceEvent | None:
    """The event in a message that holds one, else None."""
    start = message.find(_BEGIN)
    if start < 0 or "Sysmon" not in message:
        return None
    number = _SYSTEM["EventID"].search(message, start)
    if number is None:
        return None
    event: Event = {}
    for name, pattern in _SYSTEM.items():
        if (found := pattern.search(message, start)) is not None:
            event[name] = html.unescape(found[1])
    event["EventID"] = int(number[1])
    stamp = canonical_stamp(event.pop(TIMESTAMP, None))
    if stamp is not None:
        event[TIMESTAMP] = stamp
    for name, value in _DATA.findall(message, start):
        event.setdefault(name, html.unescape(value))
    return SourceEvent(sysmon_source(event["EventID"]), event)


def sysmon_source(number: int) -> LogSource:
    """The log source of Sysmon for Linux's event `number`."""
    return LogSource(product="linux", category=_CATEGORIES.get(number), service="sysmon")
