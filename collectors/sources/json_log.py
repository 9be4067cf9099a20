"""A log of JSON objects as it grows, one a line: laurel, Zeek, OpenCanary, an application's own."""

from collections.abc import Sequence

import orjson

from collectors.files.classify import classify
from collectors.files.times import event_stamp
from collectors.logs.objects import LogObjects
from collectors.logs.port import Reading
from collectors.logs.windows_record import flatten
from collectors.source_event import SourceEvent
from jikimi.domain.event import TIMESTAMP


class JsonLog:
    """Implements logs.port.LogFormat. Log sources are told as those of a file's objects are."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._objects = LogObjects(reading)

    def feed(self, line: str) -> Sequence[SourceEvent]:
        if not line.strip():
            return []
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, dict):
            self._reading.lost("not a JSON object")
            return []
        return self._objects.take(value) or [self._other(value)]

    def flush(self) -> Sequence[SourceEvent]:
        return self._objects.flush()

    @property
    def waits(self) -> bool:
        return self._objects.waits

    def _other(self, value: dict[str, object]) -> SourceEvent:
        event = flatten(value)
        if (stamp := event_stamp(event)) is not None:
            event[TIMESTAMP] = stamp
        return SourceEvent(classify(event), event)
