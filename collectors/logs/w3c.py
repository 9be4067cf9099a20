"""W3C extended log files: IIS, and proxies that write the same format (Blue Coat ProxySG, Microsoft TMG).

W3C working draft WD-logfile-960323. A `#Fields:` line names the columns of the lines after it, and may come again;
IIS writes times in UTC and `+` for a blank. A file cut before its first `#Fields:` is read with IIS's standard
columns when their number fits.
"""

import re
import shlex
from collections.abc import Sequence
from datetime import UTC

from collectors.logs.clocks import moment_stamp
from collectors.logs.port import Reading
from collectors.logs.web_fields import proxy_fields, target_fields
from collectors.source_event import SourceEvent
from collectors.stamps import stamp_of
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import LogSource

WEBSERVER = LogSource(category="webserver")
PROXY = LogSource(category="proxy")

_IIS = [
    "date",
    "time",
    "s-ip",
    "cs-method",
    "cs-uri-stem",
    "cs-uri-query",
    "s-port",
    "cs-username",
    "c-ip",
    "cs(User-Agent)",
    "cs(Referer)",
    "sc-status",
    "sc-substatus",
    "sc-win32-status",
    "time-taken",
]
LOOKS = re.compile(r"#(?:Fields|Software|Version): |\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+ [A-Z]{3,10} /\S* \S+ \d+ ")
_HEADER = re.compile(r"(?P<prefix>[a-z]{1,2})\((?P<name>[\w-]+)\)")
_OF_PROXIES = frozenset(
    [
        "s-action",
        "sc-filter-result",
        "cs-uri-scheme",
        "r-ip",
        "s-hierarchy",
        "cs-categories",
        "cs-auth-group",
        "s-supplier-name",
        "r-host",
        "sc-filter-category",
        "x-virus-id",
        "cs-uri-extension",
        "x-exception-id",
        "s-supplier-ip",
    ]
)
_NUMBERS = ("sc-status", "sc-bytes", "cs-bytes", "s-port", "time-taken", "sc-substatus", "sc-win32-status")
_MOST_COLUMNS = 256


class W3cExtended:
    """One request a line; `#` lines are read, not events."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._columns: list[str] = []
        self._date = ""

    def feed(self, line: str) -> Sequence[SourceEvent]:
        if line.startswith("#"):
            self._direct(line)
            return []
        if not line.strip():
            return []
        values = _values(line)
        columns = self._columns or (_IIS if len(values) == len(_IIS) else [])
        if len(values) != len(columns):
            self._reading.lost(f"{len(values)} columns where #Fields names {len(columns)}")
            return []
        row = {name: value for name, value in zip(columns, values, strict=True) if value not in ("-", "")}
        stamp = self._stamp(row)
        if stamp is None:
            self._reading.lost("its date or time cannot be read")
            return []
        proxy = not _OF_PROXIES.isdisjoint(columns)
        event = {TIMESTAMP: stamp} | _named(row) | (_proxied(row) if proxy else _served(row))
        return [SourceEvent(PROXY if proxy else WEBSERVER, event)]

    def flush(self) -> Sequence[SourceEvent]:
        return []

    def _direct(self, line: str) -> None:
        name, _, value = line[1:].partition(":")
        if name.strip().lower() == "fields":
            self._columns = value.split()[:_MOST_COLUMNS]
        elif name.strip().lower() == "date":
            self._date = value.strip()[:10]

    def _stamp(self, row: dict[str, str]) -> str | None:
        """The format says GMT. A line with a time alone is of the day in `#Date:`."""
        if "date" not in row and "time" not in row:
            return stamp_of(self._reading.now())
        date, time = row.get("date", self._date), row.get("time", "00:00:00")
        return moment_stamp(f"{date}T{time}", UTC)


def _values(line: str) -> list[str]:
    """Columns parted by blanks or tabs; a quoted one may hold blanks."""
    if "\t" in line:
        return [value.strip('"') for value in line.split("\t")]
    if '"' not in line:
        return line.split()
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.quotes, lexer.escape, lexer.commenters = True, '"', "", ""
    try:
        return list(lexer)
    except ValueError:
        return line.split()


def _named(row: dict[str, str]) -> Event:
    """Columns under Sigma's names: `cs(User-Agent)` is `cs-user-agent`."""
    event: Event = {}
    for name, value in row.items():
        if name in ("date", "time"):
            continue
        header = _HEADER.fullmatch(name)
        plain = f"{header['prefix']}-{header['name'].lower()}" if header is not None else name
        event[plain] = int(value) if plain in _NUMBERS and value.isdecimal() and len(value) < 19 else value
    for name in ("cs-user-agent", "cs-referer", "cs-cookie"):
        text = event.get(name)
        if isinstance(text, str) and "+" in text and " " not in text:
            event[name] = [text.replace("+", " "), text]  # rules are written in both ways
    return event


def _served(row: dict[str, str]) -> Event:
    return target_fields(row.get("cs-uri-stem", ""), row.get("cs-uri-query", "").removeprefix("?"))


def _proxied(row: dict[str, str]) -> Event:
    """The proxy's own columns for the address put together to one, as `c-uri`."""
    url = row.get("cs-uri") or row.get("c-uri") or row.get("url") or ""
    if not url:
        host, scheme = row.get("cs-host", row.get("r-host", "")), row.get("cs-uri-scheme", "http")
        path = row.get("cs-uri-path", row.get("cs-uri-stem", ""))
        query = row.get("cs-uri-query", "").removeprefix("?")
        port = row.get("cs-uri-port", "")
        beside = f":{port}" if port and port not in ("80", "443", "0") else ""
        url = f"{scheme}://{host}{beside}{path}" if host else path
        url += f"?{query}" if query else ""
    event = proxy_fields(url, row.get("cs-host", row.get("r-host", "")))
    agent = row.get("cs(User-Agent)", row.get("c-agent"))
    if agent:
        event["c-useragent"] = agent.replace("+", " ") if " " not in agent else agent
    if row.get("r-ip"):
        event["dst_ip"] = row["r-ip"]
    return event
