"""Squid's native access log.

`time.ms duration client result/status bytes method url user hierarchy/peer type` (logformat squid).
"""

import re
from collections.abc import Sequence

from collectors.logs.port import Reading
from collectors.logs.web_fields import proxy_fields
from collectors.source_event import SourceEvent
from collectors.stamps import canonical_stamp
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import LogSource

PROXY = LogSource(category="proxy")

_LINE = re.compile(
    r"(?P<time>\d{9,11}\.\d{1,6})\s+(?P<taken>-?\d+) (?P<client>\S+) (?P<result>[A-Z_]+)/(?P<status>\d{3}) "
    r"(?P<size>\d+) "
    r"(?P<method>\S+) (?P<url>\S+) (?P<user>\S+) (?P<way>[A-Z_0-9]+)/(?P<peer>\S+)(?: (?P<type>\S+))?(?P<rest>.*)"
)
LOOKS = re.compile(r"\d{9,11}\.\d{3,6}\s+-?\d+ \S+ [A-Z_]+/\d{3} \d+ ")
_AGENT = re.compile(r'"([^"]*)" *$')


class Squid:
    """One request a line; a user agent in quotes at the end, as many sites add one, is read too."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def feed(self, line: str) -> Sequence[SourceEvent]:
        if not line.strip():
            return []
        found = _LINE.match(line)
        stamp = canonical_stamp(float(found["time"])) if found is not None else None
        if found is None or stamp is None:
            self._reading.lost("not a line of Squid's access log")
            return []
        return [SourceEvent(PROXY, {TIMESTAMP: stamp} | _event(found))]

    def flush(self) -> Sequence[SourceEvent]:
        return []


def _event(found: "re.Match[str]") -> Event:
    event: Event = {"c-ip": found["client"], "src_ip": found["client"], "cs-method": found["method"]}
    event |= proxy_fields(found["url"])
    event["s-action"] = found["result"]
    if found["status"] != "000":
        event["sc-status"] = int(found["status"])
    event["sc-bytes"] = int(found["size"][:18])
    if found["user"] != "-":
        event["cs-username"] = found["user"]
    if found["peer"] != "-":
        event["dst_ip"] = found["peer"]
    if found["type"] not in (None, "-"):
        event["rs-content-type"] = found["type"]
    if (agent := _AGENT.search(found["rest"])) is not None and agent[1] not in ("-", ""):
        event["c-useragent"] = agent[1]
    return event
