"""Database servers' logs of statements.

PostgreSQL (log_statement, log_line_prefix with a time first) and MySQL's general log.
"""

import re
from collections.abc import Sequence

from collectors.logs.clocks import moment_stamp
from collectors.logs.port import Reading
from collectors.source_event import SourceEvent
from collectors.stamps import canonical_stamp
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import LogSource

DATABASE = LogSource(category="database")

_POSTGRES = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) (?P<zone>[A-Z]{2,5}|[+-]\d\d(?::?\d\d)?) .{0,256}?"
    r"(?P<level>LOG|ERROR|FATAL|PANIC|WARNING|NOTICE|DETAIL|HINT|STATEMENT|CONTEXT|INFO|DEBUG\d?):  (?P<said>.*)"
)
_MYSQL = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:Z|[+-]\d\d:\d\d))\t *"
    r"(?P<id>\d+) (?P<command>[A-Z][A-Za-z ]{1,24})\t(?P<said>.*)"
)
LOOKS = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? (?:[A-Z]{2,5}|[+-]\d\d(?::?\d\d)?) "
    r".{0,256}?(?:LOG|ERROR|FATAL|STATEMENT|WARNING):  "
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:Z|[+-]\d\d:\d\d)\t *\d+ [A-Z][A-Za-z ]{1,24}\t"
)
_STATEMENT = re.compile(r"(?:duration: [\d.]+ ms  )?(?:statement|execute [^:]*|parse [^:]*): (?P<statement>.*)")


class DatabaseLog:
    """One statement or message a line; a line without a head continues the statement before it."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._last: Event = {}

    def feed(self, line: str) -> Sequence[SourceEvent]:
        if not line.strip():
            return []
        event: Event = {"message": line}
        if (found := _MYSQL.match(line)) is not None:
            stamp = canonical_stamp(found["time"])
            event |= {"command": found["command"], "statement": found["said"]}
        elif (found := _POSTGRES.match(line)) is not None:
            stamp = moment_stamp(found["time"], self._reading.zone)
            event["level"] = found["level"]
            if (statement := _STATEMENT.match(found["said"])) is not None:
                event["statement"] = statement["statement"]
        elif not self._last:
            self._reading.lost("not a line of a database's log")
            return []
        else:
            return [SourceEvent(DATABASE, self._last | event)]
        self._last = {TIMESTAMP: stamp} if stamp is not None else {"level": "LOG"}
        return [SourceEvent(DATABASE, self._last | event)]

    def flush(self) -> Sequence[SourceEvent]:
        return []
