"""Windows events that an agent on Windows sends by syslog: as JSON (NXLog's `to_json`, others), or as Snare does."""

import orjson

from collectors.logs.windows_audit import in_sysmons_words
from collectors.logs.windows_message import read_message
from collectors.logs.windows_record import flatten
from collectors.logs.windows_snare import MARK, snare_fields
from collectors.source_event import SourceEvent
from collectors.stamps import canonical_stamp
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.windows import id_of, logsource_of_event

_TIMES = (TIMESTAMP, "UtcTime")
"""Those that say their zone; NXLog's EventTime is the computer's own, and the syslog head knows better."""


def windows_text(text: str) -> SourceEvent | None:
    """The event of a message; None for any other message. `@timestamp` only where the event tells it with its zone."""
    event = _told(text)
    source = logsource_of_event(event)
    if source is None or id_of(event) is None:
        return None
    in_sysmons_words(event)
    stamp = next((stamp for name in _TIMES if (stamp := canonical_stamp(event.get(name))) is not None), None)
    event.pop(TIMESTAMP, None)
    return SourceEvent(source, event | {TIMESTAMP: stamp} if stamp is not None else event)


def _told(text: str) -> Event:
    """Empty when the text is no event."""
    if MARK in text:
        return snare_fields(text) or {}
    if '"EventID"' not in text or '"Channel"' not in text:
        return {}
    try:
        value = orjson.loads(text[text.index("{") :])
    except ValueError:
        return {}
    event = flatten(value) if isinstance(value, dict) else {}
    read_message(event)
    return event
