"""Text without a form that is known: one event a line, for rules that look for words in an application's log."""

from collections.abc import Sequence

from collectors.logs.port import Reading
from collectors.logs.syslog_line import stamp_at_start
from collectors.source_event import SourceEvent
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import UNKNOWN


class PlainText:
    """Each line is `message`; its time is the one it begins with, as in a system log, or that of the line before."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._stamp: str | None = None

    def feed(self, line: str) -> Sequence[SourceEvent]:
        if not line.strip():
            return []
        self._stamp = stamp_at_start(line.lstrip("[("), self._reading.now(), self._reading.zone) or self._stamp
        event: Event = {TIMESTAMP: self._stamp} if self._stamp is not None else {}
        return [SourceEvent(UNKNOWN, event | {"message": line})]

    def flush(self) -> Sequence[SourceEvent]:
        return []
