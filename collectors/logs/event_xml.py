"""Windows events as XML: what wevtutil, the Event Viewer and EvtRender write, one after the other or inside `<Events>`.

Microsoft's event schema (https://schemas.microsoft.com/win/2004/08/events/event); Sysmon for Linux writes the same.
"""

import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from collectors.logs.port import Reading
from collectors.logs.sysmon_linux import CHANNEL, sysmon_event
from collectors.logs.windows_audit import in_sysmons_words
from collectors.logs.windows_record import flatten
from collectors.source_event import SourceEvent
from collectors.stamps import canonical_stamp
from jikimi.domain.event import TIMESTAMP
from jikimi.domain.logsource import LogSource
from jikimi.domain.windows import logsource_of_event

LOOKS = re.compile(r"\ufeff?\s*<(?:Events?[\s>]|\?xml )")
END = "</Event>"
MAX_EVENT_CHARACTERS = 256 * 1024

_DEEPEST = 8
_BEGIN = re.compile(r"<Event[\s>]")


class EventXml:
    """Lines, or other pieces; an event may spread over several and several may stand in one."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._held = ""

    def feed(self, line: str) -> Sequence[SourceEvent]:
        self._held += line + "\n"
        found: list[SourceEvent] = []
        while (end := self._held.find(END)) >= 0:
            piece, self._held = self._held[: end + len(END)], self._held[end + len(END) :]
            found += self._events(piece)
        if len(self._held) > MAX_EVENT_CHARACTERS:
            self._held = ""
            self._reading.lost(f"an event longer than {MAX_EVENT_CHARACTERS >> 10} KiB")
        elif _BEGIN.search(self._held) is None:
            self._held = ""  # a prolog, `<Events>`, blanks
        return found

    def flush(self) -> Sequence[SourceEvent]:
        if self._held.strip():
            self._reading.lost("an event that breaks off")
        self._held = ""
        return []

    @property
    def waits(self) -> bool:
        return bool(self._held)

    def _events(self, piece: str) -> Sequence[SourceEvent]:
        starts = [start.start() for start in _BEGIN.finditer(piece)]
        for _ in starts[1:]:
            self._reading.lost("an event that breaks off")
        event = xml_event(piece[starts[-1] :]) if starts else None
        if event is None:
            self._reading.lost("not a whole event")
            return []
        return [event]


def xml_event(text: str) -> SourceEvent | None:
    """The event in `<Event>…</Event>`, with Sigma's field names; None when it is damaged."""
    if CHANNEL in text:
        return sysmon_event(text)
    if "<!" in text:
        return None
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - no document type, no entities of its own
    except (ElementTree.ParseError, ValueError):
        return None
    event = flatten({"Event": {_name(child): _content(child) for child in root}})
    if "System" in event or "EventID" not in event:
        return None
    in_sysmons_words(event)
    stamp = canonical_stamp(event.pop(TIMESTAMP, None))
    if stamp is not None:
        event[TIMESTAMP] = stamp
    return SourceEvent(logsource_of_event(event) or LogSource(product="windows"), event)


def _name(element: "ElementTree.Element") -> str:
    return element.tag.rpartition("}")[2]


def _content(element: "ElementTree.Element", depth: int = 0) -> Any:
    """The shape in which event log files are read: attributes under `#attributes`, text under `#text`."""
    text = element.text or ""
    if len(element) == 0 and not element.attrib:
        return text.strip() if "\n" in text and not text.strip() else text
    content: dict[str, Any] = {"#attributes": dict(element.attrib)} if element.attrib else {}
    if len(element) == 0:
        return content | {"#text": text}
    for child in element:
        if depth < _DEEPEST:
            _add(content, _name(child), _content(child, depth + 1))
    return content


def _add(content: dict[str, Any], name: str, value: Any) -> None:
    before = content.get(name)
    if before is None:
        content[name] = value
    else:
        content[name] = [*(before if isinstance(before, list) else [before]), value]
