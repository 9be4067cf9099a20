"""Daemons that write logs of their own with a C-library date: vsftpd.log, clamd.log, guacd."""

import re
from collections.abc import Sequence
from datetime import datetime

from collectors.logs.port import Reading
from collectors.logs.programs import FOUND, scan_fields
from collectors.source_event import SourceEvent
from collectors.stamps import stamp_of
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import LogSource

VSFTPD = LogSource(product="linux", service="vsftpd")
CLAMAV = LogSource(product="linux", service="clamav")

_DATE = r"(?P<time>[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})"
_VSFTPD = re.compile(rf"{_DATE} \[pid \d+\] (?:\[(?P<User>[^\]]*)\] )?(?P<said>.*)")
_CLAMD = re.compile(rf"{_DATE} -> (?P<said>.*)")
_CLAMSCAN = re.compile(r"(?:/|[A-Za-z]:\\).{1,4096}?: \S+ FOUND$")
LOOKS = re.compile(rf"{_DATE} (?:\[pid \d+\] |-> )|(?:/|[A-Za-z]:\\).{{1,4096}}?: \S+ FOUND$")
_CLIENT = re.compile(r'Client "(?:::ffff:)?(?P<SourceIp>[0-9A-Fa-f.:]+)"')


class DaemonLog:
    """One message a line; ClamAV's finds also as `antivirus`, with Filename and Signature."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def feed(self, line: str) -> Sequence[SourceEvent]:
        if (found := _VSFTPD.match(line)) is not None:
            return [SourceEvent(VSFTPD, self._stamped(found["time"]) | _ftp(found, line))]
        if (found := _CLAMD.match(line)) is not None:
            return _scanned(self._stamped(found["time"]), line, found["said"])
        if (found := _CLAMSCAN.match(line)) is not None:
            return _scanned({}, line, line)
        if line.strip() and not line.startswith(("---", "====")):
            return self._other(line)
        return []

    def flush(self) -> Sequence[SourceEvent]:
        return []

    def _other(self, line: str) -> Sequence[SourceEvent]:
        if not line[:1].isalpha() and not line.startswith("/"):
            self._reading.lost("not a line of vsftpd's or ClamAV's log")
        return []  # a scan's summary (`Scanned files: 12`, `/x: OK`) tells nothing

    def _stamped(self, text: str) -> Event:
        try:
            moment = datetime.strptime(text, "%a %b %d %H:%M:%S %Y").replace(tzinfo=self._reading.zone)
            return {TIMESTAMP: stamp_of(moment)}
        except (ValueError, OverflowError):
            return {}


def _ftp(found: "re.Match[str]", line: str) -> Event:
    event: Event = {"program": "vsftpd", "message": line}
    if found["User"]:
        event["User"] = found["User"]
    if (client := _CLIENT.search(found["said"])) is not None:
        event["SourceIp"] = client["SourceIp"]
    if "FAIL LOGIN" in found["said"]:
        event["Outcome"] = "failure"
    elif "OK LOGIN" in found["said"]:
        event["Outcome"] = "success"
    return event


def _scanned(stamped: Event, line: str, said: str) -> Sequence[SourceEvent]:
    event = stamped | {"program": "clamd", "message": line}
    fields = scan_fields(said)
    return [SourceEvent(FOUND if fields else CLAMAV, event | fields)]
