"""Zeek's logs: tab-separated with a header (the ASCII writer), or one JSON object a line.

Field names stay Zeek's (`id.orig_h`), as in Sigma's rules on product zeek; the log's name (`#path`, `_path`) is the
service.
"""

import re
from collections.abc import Sequence
from typing import Any

from collectors.logs.port import Reading
from collectors.source_event import SourceEvent
from collectors.stamps import canonical_stamp
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import LogSource

LOOKS = re.compile(r"#(?:separator \\x|set_separator\t|fields\tts|path\t)")
_MOST_COLUMNS = 512
_INTEGERS = frozenset({"count", "int", "port"})
_SIGNS = (  # a log's own fields, when an object does not say which log it is of; the first that all are there wins
    ("dns", {"qtype_name", "query"}), ("dns", {"rcode", "rejected"}), ("http", {"method", "uri"}),
    ("http", {"user_agent", "uri"}), ("conn", {"conn_state"}), ("dce_rpc", {"endpoint", "operation"}),
    ("smb_files", {"action", "path", "name"}), ("smb_files", {"path", "name", "size"}), ("smb_mapping", {"share_type"}),
    ("kerberos", {"request_type", "client"}), ("kerberos", {"request_type", "service"}), ("rdp", {"cookie", "result"}),
    ("rdp", {"cookie", "security_protocol"}), ("ssl", {"cipher", "established"}), ("ssh", {"auth_attempts"}),
    ("ftp", {"command", "reply_code"}), ("ntlm", {"domainname"}), ("x509", {"certificate.serial"}),
    ("files", {"fuid", "mime_type"}), ("files", {"fuid", "source"}), ("smtp", {"helo"}), ("notice", {"note", "msg"}),
    ("dhcp", {"msg_types"}), ("ntp", {"stratum"}),
)  # fmt: skip


class ZeekTsv:
    """One log file: `#` lines give separator, names and types, each other line is an event."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._separator = "\t"
        self._set, self._empty, self._unset = ",", "(empty)", "-"
        self._fields: list[str] = []
        self._types: list[str] = []
        self._path: str | None = None

    def feed(self, line: str) -> Sequence[SourceEvent]:
        if line.startswith("#"):
            self._direct(line)
            return []
        if not line.strip():
            return []
        values = line.split(self._separator)
        if not self._fields or len(values) != len(self._fields):
            self._reading.lost(f"{len(values)} columns where #fields names {len(self._fields)}")
            return []
        types = self._types if len(self._types) == len(values) else ["string"] * len(values)
        event: Event = {}
        for name, kind, text in zip(self._fields, types, values, strict=True):
            if text != self._unset:
                event[name] = self._value(kind, text)
        stamp = canonical_stamp(_seconds(event.get("ts")))
        return [SourceEvent(LogSource(product="zeek", service=self._path), _stamped(event, stamp))]

    def flush(self) -> Sequence[SourceEvent]:
        return []

    def _direct(self, line: str) -> None:
        if line.startswith("#separator "):
            self._separator = _character(line.removeprefix("#separator ").strip()) or "\t"
            return
        name, _, value = line[1:].partition(self._separator)
        if name == "fields":
            self._fields = value.split(self._separator)[:_MOST_COLUMNS]
        elif name == "types":
            self._types = value.split(self._separator)[:_MOST_COLUMNS]
        elif name == "path":
            self._path = value.strip() or None
        elif name == "set_separator" and value:
            self._set = value
        elif name == "empty_field":
            self._empty = value
        elif name == "unset_field":
            self._unset = value

    def _value(self, kind: str, text: str) -> Any:
        inner = kind.partition("[")[2].removesuffix("]")
        if inner:
            return [] if text == self._empty else [_scalar(inner, part) for part in text.split(self._set)]
        return "" if text == self._empty else _scalar(kind, text)


def _scalar(kind: str, text: str) -> Any:
    if kind == "bool" and text in ("T", "F"):
        return text == "T"
    if kind in _INTEGERS and text.lstrip("-").isdecimal() and len(text) < 19:
        return int(text)
    return text


def _character(text: str) -> str:
    return chr(int(text[2:4], 16)) if re.fullmatch(r"\\x[0-9A-Fa-f]{2}", text) else text


def _seconds(value: object) -> object:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _stamped(event: Event, stamp: str | None) -> Event:
    return {TIMESTAMP: stamp} | event if stamp is not None else event


def zeek_object(value: Event) -> SourceEvent | None:
    """The event in an object of a Zeek JSON log, or None when it is none."""
    path = value.get("_path")
    if not isinstance(path, str):
        if "ts" not in value or not ({"uid", "id.orig_h", "fuid", "certificate.serial", "note"} & value.keys()):
            return None
        path = next((name for name, fields in _SIGNS if fields <= value.keys()), None)
    return SourceEvent(
        LogSource(product="zeek", service=path), _stamped(value, canonical_stamp(_seconds(value.get("ts"))))
    )
