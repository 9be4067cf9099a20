"""The Linux audit log (auditd): every record an event of service `auditd`, and what its records together tell.

One system call writes several records under one serial number: SYSCALL (who), EXECVE (arguments), CWD, PATH (files),
SOCKADDR (peer), PROCTITLE. Rules on `auditd` look at single records; rules on process_creation, file_event and
network_connection need them joined. A record is passed on at once; the joined events follow when the last record is
seen, when MAX_OPEN others have begun, or at `flush`.
"""

from collections import OrderedDict
from collections.abc import Sequence

from collectors.logs.audit_joined import Processes, joined
from collectors.logs.audit_record import Record, record_of
from collectors.logs.port import Reading
from collectors.source_event import SourceEvent
from jikimi.domain.logsource import LogSource

AUDITD = LogSource(product="linux", service="auditd")

MAX_OPEN = 64
"""System calls whose records are being collected at once; the kernel interleaves those of a few CPUs at most."""
MAX_RECORDS = 256
"""Records kept of one system call; a longer one is joined from its first ones."""

_JOINED = frozenset({"SYSCALL", "EXECVE", "CWD", "PATH", "SOCKADDR", "PROCTITLE"})


class Auditd:
    """audit.log, raw, ENRICHED, or as `ausearch [-i]` prints it; also behind a syslog header."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._open: OrderedDict[str, list[Record]] = OrderedDict()
        self._processes = Processes()

    def feed(self, line: str) -> Sequence[SourceEvent]:
        if line.startswith("----"):  # ausearch parts its events so
            return self.flush()
        if not line.strip():
            return []
        record = record_of(line, self._reading.zone)
        if record is None:
            self._reading.lost("not an audit record")
            return []
        if record.type == "EOE":
            return self._close(record.key)
        found = [SourceEvent(AUDITD, record.event)]
        if record.type in _JOINED:
            records = self._open.setdefault(record.key, [])
            if len(records) < MAX_RECORDS:
                records.append(record)
            if record.type == "PROCTITLE" and records[0].type != "PROCTITLE":  # the kernel's last; ausearch's first
                found += self._close(record.key)
            elif len(self._open) > MAX_OPEN:
                found += self._close(next(iter(self._open)))
        return found

    def flush(self) -> Sequence[SourceEvent]:
        return [event for key in list(self._open) for event in self._close(key)]

    @property
    def waits(self) -> bool:
        return bool(self._open)

    def _close(self, key: str) -> list[SourceEvent]:
        records = self._open.pop(key, None)
        return joined(records, self._processes) if records else []
