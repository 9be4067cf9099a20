"""System log files: /var/log/syslog, messages, auth.log, secure, cron, maillog, kern.log."""

from collections.abc import Sequence

from collectors.logs.messages import Messages
from collectors.logs.port import Reading
from collectors.logs.syslog_line import syslog_line
from collectors.source_event import SourceEvent
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import LogSource

SYSLOG = LogSource(product="linux", service="syslog")


class Syslog:
    """One message a line; a line without a head of its own continues the message before it and is an event too."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._messages = Messages(reading)
        self._last: Event = {}
        self._program = ""

    def feed(self, line: str) -> Sequence[SourceEvent]:
        if not line.strip():
            return []
        found = syslog_line(line, self._reading.now(), self._reading.zone)
        if found is None:
            return self._continued(line)
        event: Event = {}
        if found.stamp is not None:
            event[TIMESTAMP] = found.stamp
        if found.host:
            event["Hostname"] = found.host
        self._last, self._program = dict(event), found.program
        event |= {"program": found.program, "message": found.text}
        if found.pid:
            event["pid"] = found.pid
        return self._messages.take(found.program, found.message, event)

    def flush(self) -> Sequence[SourceEvent]:
        return self._messages.flush()

    @property
    def waits(self) -> bool:
        return self._messages.waits

    def _continued(self, line: str) -> Sequence[SourceEvent]:
        if not self._last:
            self._reading.lost("not a line of a system log")
            return []
        return self._messages.take(self._program, line, self._last | {"program": self._program, "message": line})
