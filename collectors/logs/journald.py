"""The systemd journal as `journalctl -o json` prints it: one object a message (systemd.journal-fields(7))."""

from collections.abc import Sequence

from collectors.logs.messages import Messages
from collectors.logs.port import Reading
from collectors.source_event import SourceEvent
from collectors.stamps import canonical_stamp
from jikimi.domain.event import TIMESTAMP, Event

_TIMES = ("_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP")
_KEPT = {"_UID": "uid", "_EXE": "exe", "_SYSTEMD_UNIT": "unit", "PRIORITY": "priority"}


class Journal:
    """Objects in the order of the journal."""

    def __init__(self, reading: Reading) -> None:
        self._messages = Messages(reading)

    def take(self, value: Event) -> Sequence[SourceEvent]:
        """The events of one journal entry; none when it is not one."""
        if not is_entry(value):
            return []
        event: Event = {}
        stamp = next((s for name in _TIMES if (s := _stamp(value.get(name))) is not None), None)
        if stamp is not None:
            event[TIMESTAMP] = stamp
        if isinstance(value.get("_HOSTNAME"), str):
            event["Hostname"] = value["_HOSTNAME"]
        program = _text(value.get("SYSLOG_IDENTIFIER") or value.get("_COMM") or "")
        message = _text(value.get("MESSAGE"))
        pid = _text(value.get("_PID") or value.get("SYSLOG_PID") or "")
        name = program.rsplit("/", 1)[-1].strip("()").lower()
        event |= {"program": name, "message": f"{program}[{pid}]: {message}" if pid else f"{program}: {message}"}
        if pid:
            event["pid"] = pid
        for theirs, ours in _KEPT.items():
            if isinstance(value.get(theirs), str):
                event[ours] = value[theirs]
        if value.get("_TRANSPORT") == "audit":
            message = _audit_record(value, message)
        return self._messages.take(name, message, event)

    def flush(self) -> Sequence[SourceEvent]:
        return self._messages.flush()

    @property
    def waits(self) -> bool:
        return self._messages.waits


def is_entry(value: Event) -> bool:
    """Is the object a journal entry?"""
    return "MESSAGE" in value and ("__REALTIME_TIMESTAMP" in value or "_SOURCE_REALTIME_TIMESTAMP" in value)


def _stamp(value: object) -> str | None:
    """Journal times are microseconds since 1970, as text."""
    return canonical_stamp(int(value)) if isinstance(value, str) and value.isdecimal() and len(value) < 20 else None


def _text(value: object) -> str:
    """A field's text; one that is not UTF-8 is printed as an array of bytes, one that came twice as an array."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        if all(isinstance(part, int) and 0 <= part < 256 for part in value):
            return bytes(value).decode("utf-8", "replace")
        return " ".join(_text(part) for part in value)
    return "" if value is None else str(value)


def _audit_record(value: Event, message: str) -> str:
    """The record's line as auditd writes it: the journal keeps type, time and serial number in fields of their own."""
    kind = _text(value.get("_AUDIT_TYPE_NAME")) or _text(value.get("_AUDIT_TYPE"))
    micro = _text(value.get("_SOURCE_REALTIME_TIMESTAMP"))
    serial = _text(value.get("_AUDIT_ID"))
    if not (kind and serial.isdecimal() and micro.isdecimal()) or "audit(" in message:
        return message
    text = message.removeprefix(f"{kind} ")
    return f"type={kind} msg=audit({micro[:-6] or '0'}.{micro[-6:-3]}:{serial}): {text}"
