"""Who used which file, from the audit of object access (Security 4663), joined with what watchdog saw.

Windows writes 4663 only for folders with an audit entry (`icacls`, "Audit File System"): docs/agent.md says how.
"""

import ntpath
import threading
from collections import OrderedDict
from typing import Any

from collectors.source_event import SourceEvent
from collectors.sources.who import NOBODY, Who

REMEMBERED = 4096


class Audited:
    """Fed by the event log's thread, asked by the file source's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: OrderedDict[str, Who] = OrderedDict()

    def heard(self, event: SourceEvent) -> None:
        fields = event.event
        if str(fields.get("EventID")) != "4663" or fields.get("ObjectType") != "File":
            return
        path = ntpath.normcase(str(fields.get("ObjectName", "")))
        with self._lock:
            self._last[path] = who_of(fields)
            self._last.move_to_end(path)
            if len(self._last) > REMEMBERED:
                self._last.popitem(last=False)

    def who(self, path: str) -> Who:
        """Who was last seen at `path`."""
        with self._lock:
            return self._last.get(ntpath.normcase(path), NOBODY)


def who_of(fields: dict[str, Any]) -> Who:
    """Process and person of a Security event; process ids are written as 0x1a2c."""
    domain, user = str(fields.get("SubjectDomainName", "")), str(fields.get("SubjectUserName", ""))
    try:
        pid = int(str(fields.get("ProcessId", "0")), 0)
    except ValueError:
        pid = 0
    return Who(pid, str(fields.get("ProcessName", "")), f"{domain}\\{user}" if domain and user else user)
