"""Web servers' error logs.

Apache's (ErrorLogFormat's default, 2.2 and 2.4) and nginx's, and ModSecurity's lines in them.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from collectors.logs.port import Reading
from collectors.source_event import SourceEvent
from collectors.stamps import stamp_of
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import LogSource

APACHE = LogSource(service="apache")
NGINX = LogSource(service="nginx")
MODSECURITY = LogSource(product="linux", service="modsecurity")

_APACHE = re.compile(
    r"\[(?P<time>[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \d{4})\] \[(?P<level>[\w:-]+)\]"
)
_NGINX = re.compile(r"(?P<time>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(?P<level>[a-z]+)\] \d+#\d+:")
LOOKS = re.compile(f"{_APACHE.pattern}|{_NGINX.pattern}".replace("?P<time>", "?:").replace("?P<level>", "?:"))
_CLIENT = re.compile(r"\[client (?P<a>[0-9A-Fa-f.:]+?)(?::\d+)?\]|client: (?P<b>[0-9A-Fa-f.:]+)")
_FORMS = ("%a %b %d %H:%M:%S.%f %Y", "%a %b %d %H:%M:%S %Y", "%Y/%m/%d %H:%M:%S")


class ErrorLog:
    """One message a line; a line without a head (a module's own output, a stack trace) belongs to the one before."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._source: LogSource | None = None
        self._last: Event = {}

    def feed(self, line: str) -> Sequence[SourceEvent]:
        if not line.strip():
            return []
        found = _APACHE.match(line)
        source = APACHE if found is not None else NGINX
        found = found or _NGINX.match(line)
        if found is None:
            return self._continued(line)
        event: Event = {"message": line, "level": found["level"]}
        stamp = self._stamp(found["time"])
        if stamp is not None:
            event[TIMESTAMP] = stamp
        if (client := _CLIENT.search(line)) is not None:
            event["c-ip"] = client["a"] or client["b"]
        self._source = MODSECURITY if "ModSecurity" in line else source
        self._last = {TIMESTAMP: stamp} if stamp is not None else {}
        return [SourceEvent(self._source, event)]

    def flush(self) -> Sequence[SourceEvent]:
        return []

    def _continued(self, line: str) -> Sequence[SourceEvent]:
        if self._source is None:
            self._reading.lost("not a line of a web server's error log")
            return []
        return [SourceEvent(self._source, {**self._last, "message": line})]

    def _stamp(self, text: str) -> str | None:
        for form in _FORMS:
            try:
                return stamp_of(datetime.strptime(text, form).replace(tzinfo=self._reading.zone))
            except (ValueError, OverflowError):
                continue
        return None
