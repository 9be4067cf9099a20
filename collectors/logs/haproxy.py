"""Requests that HAProxy passed on, as it logs them (Configuration Manual, "HTTP log format"): a web server's log.

`203.0.113.9:33317 [06/Feb/2026:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {…}
"GET /index.html HTTP/1.1"`
"""

import re

from collectors.logs.access_log import request_fields
from jikimi.domain.event import Event

_REQUEST = re.compile(
    r"(?P<client>[0-9A-Fa-f.:]{2,45}):\d{1,5} \[[^\]]{1,40}\] \S{1,256} \S{1,256}/\S{1,256} [-+\d/]{9,60} "
    r"(?P<status>-?\d{1,3}) \+?(?P<bytes>\d{1,18}) .{0,2048}?\"(?P<request>.*?)\"(?: \S+)*$",
    re.DOTALL,
)
_CODED = re.compile(r"#([0-9A-F]{2})")


def balanced_fields(message: str) -> Event:
    """Sigma's webserver fields; none for what is no request (a TCP session, a message of HAProxy's own)."""
    found = _REQUEST.match(message)
    if found is None:
        return {}
    event: Event = {"c-ip": found["client"].removeprefix("::ffff:"), "sc-bytes": int(found["bytes"])}
    if found["status"] != "-1":
        event["sc-status"] = int(found["status"])
    raw = _CODED.sub(lambda code: chr(int(code[1], 16)), found["request"])
    return event | request_fields("" if raw == "<BADREQ>" else raw)
