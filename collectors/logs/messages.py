"""From a program's message in the system log, by whatever road it came (file, journal, UDP), to events.

A message is one event with the text and what is known of it, unless it holds an event of another kind: an audit record,
Sysmon for Linux's XML, a Windows event as JSON, a DNS server's query, a request HAProxy passed on, a packet netfilter
logged.
"""

from collections.abc import Sequence

from collectors.logs.access_log import WEBSERVER
from collectors.logs.audit_record import HEAD as AUDIT_HEAD
from collectors.logs.auditd import Auditd
from collectors.logs.dns_query import QUERY_PROGRAMS, query_fields
from collectors.logs.haproxy import balanced_fields
from collectors.logs.port import Reading
from collectors.logs.programs import fields_of_message, firewall_fields, source_of
from collectors.logs.sysmon_linux import sysmon_event
from collectors.logs.windows_text import windows_text
from collectors.source_event import SourceEvent
from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource

DNS = LogSource(category="dns")
FIREWALL = LogSource(product="linux", category="firewall", service="syslog")


class Messages:
    """Takes messages in the order they were logged; `flush` gives what an audit record still waits for."""

    def __init__(self, reading: Reading) -> None:
        self._audit = Auditd(reading)

    def take(self, program: str, message: str, event: Event) -> Sequence[SourceEvent]:
        """`event` holds what the road knows: time, Hostname, program, pid, `message` as rules look for it."""
        if "audit(" in message and AUDIT_HEAD.search(message) is not None:
            return [found._replace(event=_host_of(event) | found.event) for found in self._audit.feed(message)]
        if "<Event" in message and (sysmon := sysmon_event(message)) is not None:
            return [SourceEvent(sysmon.logsource, _host_of(event) | sysmon.event)]
        if (windows := windows_text(message)) is not None:
            return [SourceEvent(windows.logsource, _host_of(event) | windows.event)]
        if program in QUERY_PROGRAMS and (asked := query_fields(program, message)):
            return [SourceEvent(DNS, event | asked)]
        if program == "haproxy" and (request := balanced_fields(message)):
            return [SourceEvent(WEBSERVER, event | request)]
        if " SRC=" in message and (packet := firewall_fields(message)):
            return [SourceEvent(FIREWALL, event | packet)]
        fields = fields_of_message(program, message)
        return [SourceEvent(source_of(program, fields), event | fields)]

    def flush(self) -> Sequence[SourceEvent]:
        return self._audit.flush()

    @property
    def waits(self) -> bool:
        return self._audit.waits


def _host_of(event: Event) -> Event:
    return {name: event[name] for name in ("@timestamp", "Hostname") if name in event}
