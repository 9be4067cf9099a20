"""laurel's log: audit records joined to one JSON object a system call (threathunters-io/laurel).

They are taken apart to auditd's records again, which is what rules look at.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from collectors.logs.audit_joined import Processes, joined
from collectors.logs.audit_record import Record
from collectors.logs.auditd import AUDITD
from collectors.source_event import SourceEvent
from collectors.stamps import canonical_stamp
from jikimi.domain.event import TIMESTAMP, Event


class Laurel:
    """Objects in order; processes are remembered so that a child can name its parent."""

    def __init__(self) -> None:
        self._processes = Processes()

    def take(self, value: Event) -> Sequence[SourceEvent]:
        """The events of one object; none when it is not laurel's."""
        ident = value.get("ID")
        if not isinstance(ident, str):
            return []
        seconds, _, serial = ident.partition(":")
        head: Event = {"serial": serial}
        try:
            stamp = canonical_stamp(float(seconds))
        except ValueError:
            stamp = None
        if stamp is not None:
            head[TIMESTAMP] = stamp
        if isinstance(value.get("NODE"), str):
            head["Hostname"] = value["NODE"]
        records = [Record(kind, ident, {"type": kind} | head | fields) for kind, fields in _parts(value)]
        return [SourceEvent(AUDITD, record.event) for record in records] + joined(records, self._processes)


def _parts(value: Event) -> Iterator[tuple[str, Event]]:
    for kind, content in value.items():
        if not kind.isupper() or kind in ("ID", "NODE"):
            continue
        for fields in content if isinstance(content, list) else [content]:
            if isinstance(fields, dict):
                yield kind, dict(_fields(kind, fields))


def _fields(kind: str, fields: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if name == "ARGV" and isinstance(value, list):
            words = [str(word) for word in value]
            if kind == "PROCTITLE":
                yield "proctitle", " ".join(words)
            else:
                yield from ((f"a{number}", word) for number, word in enumerate(words))
        elif isinstance(value, str | int) and not isinstance(value, bool):
            yield name, str(value)
