"""A file that a syslog server wrote for network devices, read line by line."""

import re
from collections.abc import Sequence

from collectors.logs.port import Reading
from collectors.network_devices.lines import read_line
from collectors.source_event import SourceEvent
from collectors.stamps import stamp_of
from jikimi.domain.event import TIMESTAMP, Event

LOOKS = re.compile(
    r"(?:<\d{1,3}>)?.{0,160}?(?:"
    r"CEF: ?\d\||LEEF: ?[12]\.\d\||[13]`\d`[12]`\d|\[fw[46]_\w{1,20}\] ?\[|"
    r"\d{0,6},\d{4}/\d\d/\d\d \d\d:\d\d:\d\d,\w{1,32},[A-Z]{3,20},|\[\w{1,64}:\"[^\"]{0,80}\"; ?\w{1,64}:\"|"
    r"%[A-Z][A-Z0-9_]{1,30}-[0-7]-[A-Z0-9_]{2,40}: |"
    r"\blogid=\"?\d|\bdevice_name=\"[^\"]{0,80}\" timestamp=|\bid=firewall sn=|\bmsg_id=\"[0-9A-F-]{4,12}\"|"
    r"\bfilterlog(?:\[\d{1,10}\])?(?::| \d+ - ).{0,80}?\d{1,5},|"
    r": ?in:\S{1,32} out:(?:\S{1,32}|\([^)]{0,32}\)),? .{0,160}?proto |"
    r"\{\"timestamp\": ?\".{1,400}?\"event_type\": ?\""
    r")"
)


class DeviceLog:
    """Each line is an event; one without a time has that of the line before."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._stamp: str | None = None

    def feed(self, line: str) -> Sequence[SourceEvent]:
        if not line.strip():
            return []
        found = read_line(line.encode("utf-8", "replace"), self._reading.now(), self._reading.zone)
        if found.time is not None:
            self._stamp = stamp_of(found.time)
        event: Event = {TIMESTAMP: self._stamp} if self._stamp is not None else {}
        return [SourceEvent(found.logsource, event | found.fields)]

    def flush(self) -> Sequence[SourceEvent]:
        return []
