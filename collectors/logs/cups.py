"""Printed documents: CUPS's logs (cupsd-logs(5)), as our own log source `print_job`.

page_log has a line a job or page (cupsd.conf(5), PageLogFormat as its manual shows it), but Debian's configuration
switches it off; access_log tells each document that was sent to a printer, without its name.
"""

import re
from collections.abc import Sequence

from collectors.logs.access_log import AccessLog
from collectors.logs.clocks import ncsa_stamp
from collectors.logs.port import Reading
from collectors.source_event import SourceEvent
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import PRINT_JOB

_TIME = r"\[(?P<time>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]"
_PAGES = re.compile(
    rf"(?P<printer>\S+) (?P<user>\S.{{0,127}}?) (?P<job>\d{{1,10}}) {_TIME} "
    r"(?P<page>total|\d{1,10}) (?P<copies>\d{1,9})"
    r"(?: (?P<billing>\S+) (?P<host>\S+)(?: (?P<document>.*?)(?: (?P<media>\S+) (?P<sides>\S+))?)?)?$"
)
PAGES_LOOK = re.compile(
    r"\S+ \S.{0,127}? \d{1,10} \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] (?:total|\d+) \d+"
)
_DONE = r"\d{3} \d+ (?P<operation>[A-Z][A-Za-z-]{2,60}|-) (?P<status>[a-z][a-z-]{2,60}|-)$"
REQUESTS_LOOK = re.compile(rf'\S+ \S+ .{{1,200}}?\[[^\]]{{20,30}}\] "[A-Z]{{3,10}} [^"]{{1,1024}}" {_DONE}')
_SENT = re.compile(
    rf"(?P<host>\S+) \S+ (?P<user>.{{1,200}}?) {_TIME} "
    rf'"POST /(?:printers|classes)/(?P<printer>[^ "?]{{1,256}}) HTTP/[\d.]+" (?P<code>\d{{3}}) (?P<bytes>\d{{1,18}}) '
    r"(?P<operation>Print-Job|Print-URI|Send-Document|Send-URI) successful-\S+$"
)


class PageLog:
    """One job (`total`) or one page a line."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def feed(self, line: str) -> Sequence[SourceEvent]:
        if not line.strip():
            return []
        found = _PAGES.match(line.rstrip())
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


class CupsRequests:
    """One request a line; a document that was sent to a printer is a print job, the rest a web server's requests."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._others = AccessLog(reading)

    def feed(self, line: str) -> Sequence[SourceEvent]:
        found = _SENT.match(line.rstrip())
        if found is None:
            return self._others.feed(line)
        event: Event = {"Printer": found["printer"], "Operation": found["operation"], "SizeBytes": int(found["bytes"])}
        stamp = ncsa_stamp(found["time"], self._reading.zone)
        if stamp is not None:
            event[TIMESTAMP] = stamp
        for name, value in (("User", found["user"]), ("SourceHostname", found["host"])):
            if value != "-":
                event[name] = value
        return [SourceEvent(PRINT_JOB, event)]

    def flush(self) -> Sequence[SourceEvent]:
        return []
