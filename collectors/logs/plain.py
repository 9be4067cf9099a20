"""Text without a form that is known: one event a line, for rules that look for words in an application's log."""

import re
from collections.abc import Sequence

from collectors.logs.clocks import moment_stamp
from collectors.logs.port import Reading
from collectors.source_event import SourceEvent
from collectors.stamps import canonical_stamp
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import UNKNOWN

_TIME = re.compile(r"[\[(]?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(Z|[+-]\d\d:?\d\d)?)")


class PlainText:
    """Each line is `message`; its time is the ISO 8601 time at its start, or that of the line before."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._stamp: str | None = None

    def feed(self, line: str) -> Sequence[SourceEvent]:
        if not line.strip():
            return []
        found = _TIME.match(line)
        if found is not None:
            text = found[1].replace(",", ".")
            self._stamp = (canonical_stamp(text) if found[2] else moment_stamp(text, self._reading.zone)) or self._stamp
        event: Event = {TIMESTAMP: self._stamp} if self._stamp is not None else {}
        return [SourceEvent(UNKNOWN, event | {"message": line})]

    def flush(self) -> Sequence[SourceEvent]:
        return []
