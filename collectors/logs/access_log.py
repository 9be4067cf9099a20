"""Web servers' access logs: NCSA common and combined, as Apache and nginx write them, also with a virtual host.

Apache HTTP Server, "Log Files"; nginx, ngx_http_log_module. Squid's `logformat combined` is the same with the result at
the end (`TCP_MISS:HIER_DIRECT`): a proxy's log. Field names are those of W3C's extended format, as in Sigma's webserver
rules.
"""

import re
from collections.abc import Sequence

from collectors.logs.clocks import ncsa_stamp
from collectors.logs.port import Reading
from collectors.logs.web_fields import proxy_fields, target_fields
from collectors.source_event import SourceEvent
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import LogSource

WEBSERVER = LogSource(category="webserver")
PROXY = LogSource(category="proxy")

# A quoted field ends at a quote that no backslash escapes; Apache and nginx escape those inside.
_QUOTED = r'"((?:[^"\\]|\\.)*)"?'
_LINE = re.compile(
    rf"(?:(?P<vhost>(?:[\w.*-]+|\[[0-9A-Fa-f:]+\])(?::\d{{1,5}})?) )?"
    # not "-": a user's name may have blanks, and its first word is then no host's
    rf"(?P<client>(?!- )(?:[0-9A-Fa-f.:]+|[\w.-]+)) (?P<ident>\S+) (?P<user>.{{1,200}}?) "
    rf"\[(?P<time>\d\d/[A-Z][a-z]{{2}}/\d{{4}}:\d\d:\d\d:\d\d(?: [+-]\d{{4}})?)\] {_QUOTED}(?P<rest>.*)",
    re.DOTALL,
)
LOOKS = re.compile(r"\S+ \S+ .{1,200}?\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?: [+-]\d{4})?\] \"")
_REST = re.compile(rf" (?P<status>\d{{3}}|-) (?P<size>\d+|-)(?: {_QUOTED}(?: {_QUOTED})?)?")
_OF_SQUID = re.compile(r" (?:TCP|UDP|NONE)[A-Z_]{0,40}:[A-Z_]{2,40}$")
_REQUEST = re.compile(r"(?P<method>[A-Za-z_-]{1,32}) +(?P<target>.*?)(?: +(?P<version>HTTP/[\d.]{1,5}))?", re.DOTALL)
_ESCAPED = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.))")
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "v": "\v"}


class AccessLog:
    """One request a line."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def feed(self, line: str) -> Sequence[SourceEvent]:
        if not line.strip():
            return []
        found = _LINE.match(line)
        if found is None:
            self._reading.lost("not a line of an access log")
            return []
        proxy = _OF_SQUID.search(found["rest"]) is not None
        return [SourceEvent(PROXY if proxy else WEBSERVER, self._event(found, proxy=proxy))]

    def flush(self) -> Sequence[SourceEvent]:
        return []

    def _event(self, found: "re.Match[str]", *, proxy: bool) -> Event:
        event: Event = {}
        stamp = ncsa_stamp(found["time"], self._reading.zone)
        if stamp is not None:
            event[TIMESTAMP] = stamp
        event["c-ip"] = found["client"]
        if found["vhost"]:
            event["cs-host"] = found["vhost"]
        if found["user"] not in ("-", '""'):
            event["cs-username"] = found["user"]
        event |= request_fields(unescaped(found[6]), proxy=proxy)
        rest = _REST.match(found["rest"])
        if rest is not None:
            event |= _answer(rest)
        if proxy and "cs-user-agent" in event:
            event["c-useragent"] = event["cs-user-agent"]
        return event


def request_fields(line: str, *, proxy: bool = False) -> Event:
    """Method, target and version; a request line that is none (a scanner's bytes) is kept whole as the target."""
    parts = _REQUEST.fullmatch(line)
    if parts is None or not parts["target"]:
        return target_fields(line, "") if line not in ("-", "") else {}
    stem, _, query = parts["target"].partition("?")
    event = {"cs-method": parts["method"]} | (proxy_fields(parts["target"]) if proxy else target_fields(stem, query))
    if parts["version"]:
        event["cs-version"] = parts["version"]
    return event


def _answer(rest: "re.Match[str]") -> Event:
    event: Event = {}
    if rest["status"] != "-":
        event["sc-status"] = int(rest["status"])
    if rest["size"] != "-" and len(rest["size"]) < 19:
        event["sc-bytes"] = int(rest["size"])
    for name, value in (("cs-referer", rest[3]), ("cs-user-agent", rest[4])):
        if value is not None and value not in ("-", ""):
            event[name] = unescaped(value)
    return event


def unescaped(text: str) -> str:
    r"""`\"`, `\\`, `\n` and `\xhh` undone; bytes above ASCII are UTF-8, as the server got them."""
    if "\\" not in text:
        return text
    raw = _ESCAPED.sub(_character, text)
    try:
        return raw.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return raw


def _character(match: "re.Match[str]") -> str:
    return chr(int(match[1], 16)) if match[1] else _CONTROLS.get(match[2], match[2])
