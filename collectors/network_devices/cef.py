"""ArcSight's Common Event Format, revisions 0 and 1 ("Implementing ArcSight CEF", Micro Focus, version 26)."""

import re
from typing import NamedTuple

_BEGIN = re.compile(r"CEF: ?(\d{1,3})\|")
_BAR = re.compile(r"(?<!\\)(?:\\\\)*\|")
_NAME = re.compile(r"(?:^|(?<=\s))([\w.\-\[\]]{1,64})=")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_LETTERS = {"n": "\n", "r": "\r"}
_MOST = 512


class Record(NamedTuple):
    """What the header names and the extension's pairs, in order."""

    vendor: str
    product: str
    version: str
    event_id: str
    name: str
    severity: str
    fields: dict[str, str]


def parse(text: str) -> Record | None:
    """The record that begins anywhere in `text`; None when there is none. A header that breaks off has empty parts."""
    begin = _BEGIN.search(text)
    if begin is None:
        return None
    parts, at = [], begin.end()
    for _ in range(6):
        bar = _BAR.search(text, at)
        end = bar.end() - 1 if bar else len(text)
        parts.append(_plain(text[at:end]).strip())
        at = min(end + 1, len(text))
    vendor, product, version, event_id, name, severity = parts
    return Record(vendor, product, version, event_id, name, severity, _labelled(_extension(text[at:])))


def _extension(text: str) -> dict[str, str]:
    """Values run to the next ` name=`: they may hold blanks, and `=` only after a backslash."""
    found: dict[str, str] = {}
    name = _NAME.search(text)
    while name and len(found) < _MOST:
        following = _NAME.search(text, name.end())
        value = text[name.end() : following.start() if following else len(text)]
        found[name[1]] = _plain(value.strip(" \t"))
        name = following
    return found


def _labelled(fields: dict[str, str]) -> dict[str, str]:
    """`cs1=x cs1Label=Policy` also as `Policy=x`, where nothing else has that name."""
    for name in [name for name in fields if name.endswith("Label")]:
        meant, value = fields[name], fields.get(name.removesuffix("Label"))
        if meant and value is not None:
            fields.setdefault(meant, value)
    return fields


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda match: _LETTERS.get(match[1], match[1]), text) if "\\" in text else text
