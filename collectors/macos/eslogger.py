"""What `eslogger` prints of the Endpoint Security framework: one JSON object a line. Pure.

eslogger(1); the objects are es_message_t of <EndpointSecurity/ESMessage.h> in JSON.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from collectors.sources.coalesce import Change
from collectors.sources.who import Who
from jikimi.domain.event import parse_time
from jikimi.domain.logsource import LogSource

PROCESS_CREATION = LogSource(product="macos", category="process_creation")
WANTED = ("exec", "create", "rename", "unlink", "open", "close", "mount", "unmount")
READ, WRITE = 1, 2
"""FREAD and FWRITE of <sys/fcntl.h>."""
EXISTING = 0
"""ES_DESTINATION_TYPE_EXISTING_FILE."""

UserName = Callable[[int], str]


class Started(NamedTuple):
    """A program began."""

    at: float
    fields: dict[str, object]


class Mounted(NamedTuple):
    """A volume came or went."""

    at: float
    point: str
    here: bool


Told = Started | Mounted | Change


class Messages:
    """Lines in, what happened out. `lost` counts messages the kernel dropped (holes in `seq_num` of an event type),
    `unreadable` lines that were no message."""

    def __init__(self, user_name: UserName) -> None:
        self._user_name = user_name
        self._numbers: dict[str, int] = {}
        self.lost = 0
        self.unreadable = 0

    def feed(self, line: bytes) -> list[Told]:
        """Never raises."""
        try:
            message = orjson.loads(line)
            kind, event = next(iter(message["event"].items()))
            found = self._told(kind, event, message)
            self._count(kind, message.get("seq_num"))
        except (ValueError, KeyError, TypeError, AttributeError, StopIteration, OverflowError):
            self.unreadable += 1
            return []
        return found

    def _count(self, kind: str, number: Any) -> None:
        if not isinstance(number, int):
            return
        before = self._numbers.get(kind)
        if before is not None and number > before + 1:
            self.lost += number - before - 1
        self._numbers[kind] = number

    def _told(self, kind: str, event: dict[str, Any], message: dict[str, Any]) -> list[Told]:
        at = parse_time(message["time"]).timestamp()
        who = self._who(message["process"])
        match kind:
            case "exec":
                return [Started(at, self._started(event, message["process"], at))]
            case "create":
                return [Change("create", _destination(event), at, who)]
            case "rename":
                return [Change("rename", _destination(event), at, who, event["source"]["path"])]
            case "unlink":
                return [Change("delete", event["target"]["path"], at, who)]
            case "open" if event["fflag"] & (READ | WRITE) == READ:
                return [Change("read", event["file"]["path"], at, who)]
            case "close" if event["modified"]:
                path = event["target"]["path"]
                return [Change("modify", path, at, who), Change("closed", path, at, who)]
            case "mount" | "unmount":
                return [Mounted(at, event["statfs"]["f_mntonname"], kind == "mount")]
        return []

    def _who(self, process: dict[str, Any]) -> Who:
        token = process["audit_token"]
        return Who(token["pid"], process["executable"]["path"], self._user_name(token["euid"]))

    def _started(self, event: dict[str, Any], parent: dict[str, Any], at: float) -> dict[str, object]:
        """`process` is who called execve, before; the target is what it became."""
        target = event["target"]
        who = self._who(target)
        return {
            "Image": who.image,
            "CommandLine": " ".join(map(str, event.get("args", ()))),
            "CurrentDirectory": event.get("cwd", {}).get("path", ""),
            "User": who.user,
            "ProcessId": who.pid,
            "ParentProcessId": target["ppid"],
            "ParentImage": parent["executable"]["path"],
            "StartTime": datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z"),
            "SigningId": target.get("signing_id"),
            "TeamId": target.get("team_id"),
        }


def _destination(event: dict[str, Any]) -> str:
    """Where a file is made or moved to."""
    to = event["destination"]
    if event.get("destination_type") == EXISTING or "existing_file" in to:
        return str(to["existing_file"]["path"])
    return f"{to['new_path']['dir']['path'].rstrip('/')}/{to['new_path']['filename']}"
