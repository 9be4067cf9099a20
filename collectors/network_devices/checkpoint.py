"""Check Point's Log Exporter in its syslog form: `[action:"Accept"; src:"192.0.2.1"; …]`."""

import re

_LOOKS = re.compile(r"\[?\w{1,64}:\"[^\"]{0,400}\"; ?\w{1,64}:\"")
_PAIR = re.compile(r'([\w.-]{1,64}):"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r'\\(["\\\]])')
MOST = 512
"""Pairs of one line that are read."""


def parse(text: str) -> dict[str, str] | None:
    """Every pair, None for another line; `service` and `s_port` also as ports where they are numbers."""
    if _LOOKS.match(text) is None:
        return None
    fields: dict[str, str] = {}
    for pair in _PAIR.finditer(text):
        fields.setdefault(pair[1], _ESCAPED.sub(r"\1", pair[2]))
        if len(fields) == MOST:
            break
    for name, port in (("s_port", "src_port"), ("service", "dst_port")):
        if fields.get(name, "").isdigit():
            fields.setdefault(port, fields[name])
    return fields
