"""Windows events that an agent on Windows sends by syslog as JSON: NXLog's `to_json`, or a shipper's flat or nested."""

import orjson

from collectors.logs.windows_audit import in_sysmons_words
from collectors.logs.windows_message import read_message
from collectors.logs.windows_record import flatten
from collectors.source_event import SourceEvent
from collectors.stamps import canonical_stamp
from jikimi.domain.event import TIMESTAMP
from jikimi.domain.windows import id_of, logsource_of_event

_TIMES = (TIMESTAMP, "UtcTime")
"""Those that say their zone; NXLog's EventTime is the computer's own, and the syslog head knows better."""


def windows_text(text: str) -> SourceEvent | None:
    """The event of a message; None for any other message. `@timestamp` only where the event tells it with its zone."""
    if '"EventID"' not in text or '"Channel"' not in text:
        return None
    try:
        value = orjson.loads(text[text.index("{") :])
    except ValueError:
        return None
    event = flatten(value) if isinstance(value, dict) else {}
    source = logsource_of_event(event)
    if source is None or id_of(event) is None:
        return None
    read_message(event)
    in_sysmons_words(event)
    stamp = next((stamp for name in _TIMES if (stamp := canonical_stamp(event.get(name))) is not None), None)
    event.pop(TIMESTAMP, None)
    return SourceEvent(source, event | {TIMESTAMP: stamp} if stamp is not None else event)
