"""IBM QRadar's Log Event Extended Format, versions 1.0 and 2.0 ("QRadar LEEF guide")."""

import re
from typing import NamedTuple

from collectors.network_devices.keyvalue import MOST, pairs

_BEGIN = re.compile(r"LEEF: ?([12])\.\d\|")
_HEXADECIMAL = re.compile(r"(?:0?x)([0-9A-Fa-f]{1,4})$")


class Record(NamedTuple):
    vendor: str
    product: str
    version: str
    event_id: str
    fields: dict[str, str]


def parse(text: str) -> Record | None:
    """The record that begins anywhere in `text`; None when there is none. A header that breaks off has empty parts."""
    begin = _BEGIN.search(text)
    if begin is None:
        return None
    parts = text[begin.end() :].split("|", 4)
    parts += [""] * (5 - len(parts))
    vendor, product, version, event_id, rest = parts
    separator = "\t"
    if begin[1] == "2" and "|" in rest[:8]:
        stated, rest = rest.split("|", 1)
        separator = _separator(stated)
    return Record(vendor.strip(), product.strip(), version.strip(), event_id.strip(), _attributes(rest, separator))


def _separator(stated: str) -> str:
    """A character itself, or its number as `x09` or `0x09`; none stated: a tab."""
    if number := _HEXADECIMAL.match(stated):
        return chr(int(number[1], 16))
    return stated[:1] or "\t"


def _attributes(text: str, separator: str) -> dict[str, str]:
    if separator not in text:
        return pairs(text)  # one attribute, or a sender that separates by blanks
    found: dict[str, str] = {}
    for part in text.split(separator, MOST):
        name, equals, value = part.partition("=")
        if equals and name.strip():
            found.setdefault(name.strip(), value.strip())
    return found
