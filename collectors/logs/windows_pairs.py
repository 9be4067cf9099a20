"""Windows events as Splunk writes them: a time, then a name and its value a line, the message last; or all in one line.

11/29/2026 10:15:00 AM
LogName=Security
EventCode=4688
ComputerName=PC-1.example.com
Message=A new process has been created.
…
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from collectors.logs.port import Reading
from collectors.logs.windows_audit import in_sysmons_words
from collectors.logs.windows_message import MESSAGE, field_of_label, read_message
from collectors.source_event import SourceEvent
from collectors.stamps import stamp_of
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import LogSource
from jikimi.domain.windows import logsource_of_event

_CLOCK = r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}:\d{2}(?:\.\d{1,6})?(?: [AP]M)?"
_HEAD = "LogName|EventCode|EventType|SourceName|ComputerName|RecordNumber|TaskCategory|OpCode"
LOOKS = re.compile(rf"(?:{_CLOCK}(?:$| (?=\w+=)))?(?:(?:{_HEAD})=|(?<=[MmPp0-9])$|\t[A-Z][\w ()/-]{{1,40}}:\t)")
"""Its own lines and those of Security's messages, which are the most of them."""
MAX_CHARACTERS = 256 * 1024

_TIME = re.compile(_CLOCK)
_PAIR = re.compile(r"(\w{1,40})=(.*)", re.DOTALL)
_IN_LINE = re.compile(r'(\w{1,40})=(?:"((?:[^"\\]|\\.)*)"|([^\s,]*))')
_NAMES = {"EventCode": "EventID", "EventID": "EventID", "LogName": "Channel", "Channel": "Channel",
          "ComputerName": "Computer", "SourceName": "Provider_Name", "RecordNumber": "EventRecordID",
          "TaskCategory": "Task", "OpCode": "Opcode", "Keywords": "Keywords", MESSAGE: MESSAGE}  # fmt: skip

_PROVIDERS = {
    "Microsoft Windows security auditing.": "Microsoft-Windows-Security-Auditing",
    "Microsoft Windows Eventlog": "Microsoft-Windows-Eventlog",
}
"""Splunk may write a provider's display name."""


class WindowsPairs:
    """A record goes to where the next one's time stands."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._held: list[str] = []
        self._size = 0

    def feed(self, line: str) -> Sequence[SourceEvent]:
        if (whole := _of_line(line, self._reading.zone)) is not None:
            return [*self.flush(), whole]
        done = self.flush() if _TIME.fullmatch(line.strip()) else []
        self._size += len(line)
        if self._size <= MAX_CHARACTERS:
            self._held.append(line)
        return done

    def flush(self) -> Sequence[SourceEvent]:
        lines, self._held = self._held, []
        size, self._size = self._size, 0
        if size > MAX_CHARACTERS:
            self._reading.lost(f"an event longer than {MAX_CHARACTERS >> 10} KiB")
            return []
        if not any(line.strip() for line in lines):
            return []
        event = pairs_event("\n".join(lines), self._reading.zone)
        if event is None:
            self._reading.lost("not a whole event")
            return []
        return [event]


def pairs_event(text: str, zone: tzinfo = UTC) -> SourceEvent | None:
    """The event of one such text; None for any other."""
    head, found, message = text.partition(f"\n{MESSAGE}=")
    first, *lines = head.strip().splitlines()
    found_pairs = (pair for line in lines if (pair := _PAIR.fullmatch(line.strip())) is not None)
    pairs = {pair[1]: pair[2] for pair in found_pairs}
    if found:
        pairs[MESSAGE] = message.rstrip()
    return _event(pairs, _stamp(first.strip(), zone))


def _of_line(line: str, zone: tzinfo) -> SourceEvent | None:
    """All of it in one line, names with underscores for blanks (`New_Process_Name="…"`)."""
    if line.count("=") < 3 or not LOOKS.match(line):
        return None
    clock = _TIME.match(line)
    pairs = {name: quoted.replace('\\"', '"') or plain for name, quoted, plain in _IN_LINE.findall(line)}
    return _event(pairs, _stamp(clock[0], zone) if clock else None)


def _event(pairs: dict[str, str], stamp: str | None) -> SourceEvent | None:
    """What names the record first, then its message, then Splunk's own `Type`, `EventType`, `User`, `Sid`."""
    event: Event = {_NAMES[name]: value for name, value in pairs.items() if name in _NAMES}
    if not {"EventID", "Channel"} <= event.keys() or not event["EventID"].isdecimal():
        return None
    event["EventID"] = int(event["EventID"])
    if event.get("Provider_Name") in _PROVIDERS:
        event["Provider_Name"] = _PROVIDERS[event["Provider_Name"]]
    if stamp is not None:
        event[TIMESTAMP] = stamp
    read_message(event)
    for name, value in pairs.items():
        if name not in _NAMES:
            event.setdefault(field_of_label(name), value)
    in_sysmons_words(event)
    return SourceEvent(logsource_of_event(event) or LogSource(product="windows"), event)


def _stamp(text: str, zone: tzinfo) -> str | None:
    """A time as Splunk's forwarder writes it: month first, the computer's own zone."""
    for form in ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M:%S.%f %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S.%f"):
        try:
            return stamp_of(datetime.strptime(text, form).replace(tzinfo=zone))  # the line above says the zone
        except (ValueError, OverflowError):
            continue
    return None
