"""What the records of one system call tell together: a process began, a file was made, a connection was opened.

Field names are Sigma's for process_creation, file_event and network_connection, as Sysmon for Linux writes them.
"""

import posixpath
import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence

from collectors.logs.audit_record import Record
from collectors.logs.sockaddr import address_of
from collectors.source_event import SourceEvent
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import PROCESS_CREATION, LogSource

FILE = LogSource(product="linux", category="file_event")
FILE_DELETE = LogSource(product="linux", category="file_delete")
FILE_RENAME = LogSource(product="linux", category="file_rename")
CONNECTION = LogSource(product="linux", category="network_connection")

MAX_PROCESSES = 10_000
_EXECS = ("execve", "execveat")
_OPENS = {"open": "a1", "openat": "a2"}
_TRUNCATE = 0o1000  # O_TRUNC on every machine auditd names here
_IN_PROGRESS = ("-115", "EINPROGRESS")  # a connect that does not wait
_ARGUMENT = re.compile(r"a([0-9]{1,6})(?:\[([0-9]{1,6})\])?")
_UNSET = "4294967295"


class Processes:
    """Image and command line of processes seen to begin, so that a child can name its parent. Bounded."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], tuple[str, str]] = OrderedDict()

    def began(self, host: str, pid: str, image: str, command_line: str) -> None:
        self._known[host, pid] = (image, command_line)
        self._known.move_to_end((host, pid))
        if len(self._known) > MAX_PROCESSES:
            self._known.popitem(last=False)

    def get(self, host: str, pid: str) -> tuple[str, str] | None:
        return self._known.get((host, pid))


def joined(records: Sequence[Record], processes: Processes) -> list[SourceEvent]:
    """The events behind the records of one serial number; none when its system call is missing or failed."""
    call = next((record for record in records if record.type == "SYSCALL"), None)
    if call is None:
        return []
    name = call.text("SYSCALL")
    execve = [record for record in records if record.type == "EXECVE"]
    worked = call.text("success") in ("yes", "")
    if execve and worked and (name in _EXECS or not name):
        return [_process(call, records, processes)]
    if name in ("connect", "accept", "accept4") and (worked or call.text("exit").startswith(_IN_PROGRESS)):
        return list(_connection(call, records, name))
    return list(_files(call, records, name)) if worked else []


def _process(call: Record, records: Sequence[Record], processes: Processes) -> SourceEvent:
    event = _who(call)
    command_line = " ".join(_arguments(records)) or next((r.text("proctitle") for r in records), "")
    event["CommandLine"] = command_line
    cwd = _cwd(records)
    if cwd:
        event["CurrentDirectory"] = cwd
    host, image = str(event.get("Hostname", "")), str(event.get("Image", ""))
    parent = processes.get(host, call.text("ppid"))
    if parent is not None:
        event["ParentImage"], event["ParentCommandLine"] = parent
    processes.began(host, call.text("pid"), image, command_line)
    return SourceEvent(PROCESS_CREATION, event)


def _who(call: Record) -> Event:
    """Time, host, process and user; names where auditd wrote them (ENRICHED), else numbers, 0 being root."""
    event: Event = {
        name: call.event[name] for name in (TIMESTAMP, "Hostname", "serial", "key", "auid", "tty") if name in call.event
    }
    for ours, theirs in (("Image", "exe"), ("ProcessId", "pid"), ("ParentProcessId", "ppid"), ("LogonId", "uid")):
        if call.text(theirs):
            event[ours] = call.text(theirs)
    user = call.text("UID") or call.text("uid")
    if user and user != _UNSET:
        event["User"] = "root" if user == "0" else user
    return event


def _arguments(records: Sequence[Record]) -> list[str]:
    """argv in order; a long argument comes in pieces (a1[0], a1[1]) over several records."""
    pieces: dict[tuple[int, int], str] = {}
    for record in records:
        if record.type == "EXECVE":
            for name, value in record.event.items():
                if isinstance(value, str) and (place := _ARGUMENT.fullmatch(name)) is not None:
                    pieces[int(place[1]), int(place[2] or 0)] = value
    arguments: dict[int, str] = {}
    for (number, _), text in sorted(pieces.items()):
        arguments[number] = arguments.get(number, "") + text
    return list(arguments.values())


def _cwd(records: Sequence[Record]) -> str:
    return next((record.text("cwd") for record in records if record.type == "CWD"), "")


def _files(call: Record, records: Sequence[Record], name: str) -> Iterator[SourceEvent]:
    cwd = _cwd(records)
    touched = [(r.text("nametype"), _absolute(cwd, r.text("name"))) for r in records if r.type == "PATH"]
    made = [path for kind, path in touched if kind == "CREATE" and path]
    gone = [path for kind, path in touched if kind == "DELETE" and path]
    if name.startswith("rename") and made and gone:
        yield SourceEvent(FILE_RENAME, _who(call) | {"SourceFilename": gone[0], "TargetFilename": made[-1]})
        return
    if not made and _overwrites(call, name):
        made = [path for kind, path in touched if kind == "NORMAL" and path]
    for path in made:
        yield SourceEvent(FILE, _who(call) | {"TargetFilename": path})
    for path in gone:
        yield SourceEvent(FILE_DELETE, _who(call) | {"TargetFilename": path})


def _overwrites(call: Record, name: str) -> bool:
    """Opened to be emptied: Sysmon, too, calls a file created when it is overwritten."""
    flags = call.text(_OPENS.get(name, ""))
    try:
        return name == "creat" or "O_TRUNC" in flags or bool(int(flags, 16) & _TRUNCATE)
    except ValueError:
        return False


def _absolute(cwd: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(cwd, path)) if cwd and path and not path.startswith("/") else path


def _connection(call: Record, records: Sequence[Record], name: str) -> Iterator[SourceEvent]:
    peer = next((found for r in records if r.type == "SOCKADDR" and (found := address_of(r.event))), None)
    if peer is None:
        return
    side = "Destination" if name == "connect" else "Source"
    event = _who(call)
    event |= {"Initiated": "true" if name == "connect" else "false", f"{side}Ip": peer[0], f"{side}Port": peer[1]}
    yield SourceEvent(CONNECTION, event)
