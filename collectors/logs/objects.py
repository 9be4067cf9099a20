"""Logs that are JSON objects already: told by their own fields, so that nobody has to say what a file is."""

from collections.abc import Sequence

from collectors.logs.caddy import caddy_event
from collectors.logs.defender_tables import defender_event
from collectors.logs.ecs import ecs_event
from collectors.logs.journald import Journal
from collectors.logs.laurel import Laurel
from collectors.logs.nginx_json import nginx_event
from collectors.logs.port import Reading
from collectors.logs.suricata import eve_event
from collectors.logs.sysmon_linux import CHANNEL, sysmon_source
from collectors.logs.zeek import zeek_object
from collectors.source_event import SourceEvent
from jikimi.domain.event import Event


class LogObjects:
    """The objects of one file or stream, in order: the journal, Zeek, Suricata, Caddy, nginx, laurel, Sysmon
    for Linux, Elastic's agents, Defender's tables."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._journal = Journal(reading)
        self._laurel = Laurel()

    def take(self, value: Event) -> Sequence[SourceEvent]:
        """The events of `value`; none when it is not an object of these logs."""
        if "MESSAGE" in value:
            return self._journal.take(value)
        if "ID" in value and ("SYSCALL" in value or "PATH" in value or "EXECVE" in value):
            return self._laurel.take(value)
        if "ts" in value and (found := zeek_object(value)) is not None:
            return [found]
        if "event_type" in value and (found := eve_event(value)) is not None:
            return [found]
        if "request" in value and (found := caddy_event(value)) is not None:
            return [found]
        if "remote_addr" in value and (found := nginx_event(value, self._reading.zone)) is not None:
            return [found]
        if value.get("Channel") == CHANNEL and isinstance(value.get("EventID"), int):
            return [SourceEvent(sysmon_source(value["EventID"]), value)]
        if (found := ecs_event(value) or defender_event(value)) is not None:
            return [found]
        return []

    def flush(self) -> Sequence[SourceEvent]:
        return self._journal.flush()

    @property
    def waits(self) -> bool:
        return self._journal.waits
