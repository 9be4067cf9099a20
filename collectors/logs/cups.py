"""Printed pages: CUPS's page_log (cups-files.conf(5), PageLogFormat's default), as our own log source `print_job`."""

import re
from collections.abc import Sequence

from collectors.logs.clocks import ncsa_stamp
from collectors.logs.port import Reading
from collectors.source_event import SourceEvent
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import PRINT_JOB

_LINE = re.compile(
    r"(?P<printer>\S+) (?P<user>\S+) (?P<job>\d{1,10}) \[(?P<time>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
    r"(?P<page>total|\d{1,10}) (?P<copies>\d{1,9})"
    r"(?: (?P<billing>\S+) (?P<host>\S+)(?: (?P<document>.*?)(?: (?P<media>\S+) (?P<sides>\S+))?)?)?$"
)
LOOKS = re.compile(r"\S+ \S+ \d{1,10} \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] (?:total|\d+) \d+")


class PageLog:
    """One job (`total`) or one page a line."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def feed(self, line: str) -> Sequence[SourceEvent]:
        if not line.strip():
            return []
        found = _LINE.match(line.rstrip())
        if found is None:
            self._reading.lost("not a line of CUPS's page_log")
            return []
        event: Event = {"Printer": found["printer"], "User": found["user"], "JobId": int(found["job"])}
        stamp = ncsa_stamp(found["time"], self._reading.zone)
        if stamp is not None:
            event[TIMESTAMP] = stamp
        if found["page"] == "total":
            event["Pages"] = int(found["copies"])
        else:
            event |= {"Page": int(found["page"]), "Copies": int(found["copies"])}
        for name, value in (("SourceHostname", found["host"]), ("Document", found["document"])):
            if value and value != "-":
                event[name] = value
        return [SourceEvent(PRINT_JOB, event)]

    def flush(self) -> Sequence[SourceEvent]:
        return []
