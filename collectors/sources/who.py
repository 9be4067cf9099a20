"""Which program and which person: the process table that every source joins on.

The kernel's own records of forks, execs and exits feed it (collectors.sources.kernel_records), so that a process that
ended long before it was asked about still has its name; /proc fills what those do not tell, and alone serves where they
cannot be had.
"""

import os
import stat
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

if sys.platform != "win32":
    import pwd

ALIVE, ENDED = 32_768, 4096
"""Processes remembered; of those that ended only the latest."""
LONGEST_COMMAND = 4096
"""Characters of a command line that are kept."""
LONGEST_TOLD, HEAD, LONGEST_READ = 8192, 6144, 4 << 20
"""Bytes: a start is told with a longer command line; of one that is longer still the first HEAD and its end, for what
matters may stand behind any amount of nothing."""
LONGEST_ENDED = 256
"""The same once the process has ended: thousands of those are remembered."""
LOOK_AGAIN = 10.0
"""Seconds after which a process is looked at again: a daemon gives its rights up after it began."""
DELETED = " (deleted)"
_OWN = ("/dev/fd/", "/proc/self/", "/proc/thread-self/")
"""They lead whoever asks to his own files: of a program that was started by its descriptor nobody knows more, once it
has ended (execveat(2))."""
_BOOT_TIME, _TICKS = 0.0, 100
if sys.platform == "linux":
    _BOOT_TIME = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    _TICKS = os.sysconf("SC_CLK_TCK")


class Who(NamedTuple):
    """Unknown parts are empty."""

    pid: int = 0
    image: str = ""
    user: str = ""

    def fields(self) -> dict[str, object]:
        """The event fields of what is known."""
        return {"Image": readable(self.image), "ProcessId": self.pid or None, "User": self.user}


NOBODY = Who()


class Process(NamedTuple):
    """`started` = when it began or last executed, seconds since 1970; `looked` = when /proc last said so, monotonic
    seconds (0 = never: its user is what it inherited)."""

    who: Who
    command_line: str = ""
    parent: int = 0
    started: float = 0.0
    looked: float = 0.0
    folder: str = ""


UNKNOWN = Process(NOBODY)


class Seen(NamedTuple):
    """What /proc said of a process at the monotonic second `at`, as it lies there: taking it in may wait. Without `uid`
    and `folder` of one that was just going."""

    image: str
    command: bytes
    at: float
    uid: int | None = None
    folder: str = ""


def readable(path: str) -> str:
    """A path as valid Unicode: bytes that are no UTF-8 become \\xNN."""
    if path.isascii():
        return path
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def user_name(uid: int) -> str:
    """Login name, else the number."""
    if sys.platform == "win32":
        return str(uid)
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _nothing() -> None:
    pass


class Processes:
    """The table. `catch_up` takes in what the kernel recorded up to now; it does nothing where nobody feeds the table.

    For all threads.
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = str(proc)
        self._alive: dict[int, Process] = {}
        self._ended: dict[int, Process] = {}
        self._writing = threading.Lock()
        self._users: dict[int, str] = {}
        self.own = {os.getpid()}
        """The agent and the processes it started for itself: what they do to files is no event."""
        self.fed = False
        """Whether the kernel's records come; without them a name is only as good as the last look."""
        self.catch_up: Callable[[], None] = _nothing
        self.forgotten = 0
        """Living processes that found no room any more."""

    def who(self, pid: int) -> Who:
        """Image and user of `pid`, else only the number."""
        if pid <= 0:
            return NOBODY
        return (self.find(pid) or Process(Who(pid))).who

    def find(self, pid: int) -> Process | None:
        """All that is known of `pid` now, else as it was last."""
        known = self._alive.get(pid)
        if self.fed:
            if known is None and (ended := self._ended.get(pid)):
                return ended
            if known is not None and time.monotonic() - known.looked < LOOK_AGAIN:
                return known
        return self._look(pid) or known or self._ended.get(pid)

    def known(self, pid: int) -> Process | None:
        """`find` without looking again at one that is known: a look costs as much as telling a start."""
        return self._alive.get(pid) or self._ended.get(pid) or self.find(pid)

    def backfill(self) -> None:
        """Take in what runs already."""
        for name in os.listdir(self._proc):
            if name.isdigit():
                self._look(int(name))

    def forked(self, pid: int, parent: int, at: float) -> None:
        """A new process: until it executes another program it is its parent's image and user."""
        before = self._alive.get(parent) or self._look(parent) or UNKNOWN
        who = Who(pid, before.who.image, before.who.user)
        self._keep(pid, Process(who, before.command_line, parent, at, 0.0, before.folder))

    def executed(self, pid: int, filename: str, at: float, seen: Seen | None) -> Process:
        """`pid` now runs `filename`. `seen` is what `see` said of it just then; of a process that had already gone the
        command line is the file. When a thread executes, the kernel lets the process's first one exit before.
        """
        before = self._alive.get(pid) or self._look(pid) or self._ended.get(pid, UNKNOWN)
        if seen is not None and seen.command:
            found = self._take_in(pid, seen, before.parent, at, before.who.user, before.folder)
            return found if len(seen.command) <= LONGEST_COMMAND else found._replace(command_line=_line(seen.command))
        image = self._real(filename, before.folder)
        user = self._owner_if_setuid(image) or before.who.user
        return self._keep(pid, Process(Who(pid, image, user), filename, before.parent, at, 0.0, before.folder))

    def exited(self, pid: int) -> None:
        with self._writing:
            if (gone := self._alive.pop(pid, None)) is not None:
                self._ended.pop(pid, None)
                self._ended[pid] = gone._replace(command_line=gone.command_line[:LONGEST_ENDED])
                if len(self._ended) > ENDED:
                    del self._ended[next(iter(self._ended))]

    def name_of(self, uid: int) -> str:
        """Login name of a user id, remembered."""
        if uid not in self._users:
            self._users[uid] = user_name(uid)
        return self._users[uid]

    def see(self, pid: int) -> Seen | None:
        """What /proc says now of a program that has just started; None when it has gone. What goes first with a process
        is asked first."""
        folder = f"{self._proc}/{pid}"
        try:
            command, image, at = _read(f"{folder}/cmdline"), os.readlink(f"{folder}/exe"), time.monotonic()
        except OSError:
            return None
        if len(command) == LONGEST_COMMAND:
            command = _long_command(f"{folder}/cmdline") or command
        try:
            return Seen(image, command, at, os.stat(folder).st_uid, os.readlink(f"{folder}/cwd"))
        except OSError:
            return Seen(image, command, at)

    def _look(self, pid: int) -> Process | None:
        """Also its parent, and when it began."""
        try:
            seen, (parent, began) = self.see(pid), _parent_and_start(_read(f"{self._proc}/{pid}/stat"))
        except (OSError, ValueError):
            return None
        return self._take_in(pid, seen, parent, began, "", "") if seen else None

    def _take_in(self, pid: int, seen: Seen, parent: int, began: float, user: str, folder: str) -> Process:
        """`user` and `folder` are what it inherited, where it was not seen."""
        line, image = _line(seen.command)[:LONGEST_COMMAND], sys.intern(seen.image.removesuffix(DELETED))
        who = Who(pid, image, user if seen.uid is None else self.name_of(seen.uid))
        folder = sys.intern(seen.folder or folder)
        return self._keep(pid, Process(who, sys.intern(line), parent, began, seen.at, folder))

    def _keep(self, pid: int, process: Process) -> Process:
        with self._writing:
            self._ended.pop(pid, None)
            self._alive[pid] = process
            if len(self._alive) > ALIVE:
                del self._alive[next(iter(self._alive))]
                self.forgotten += 1
        return process

    @staticmethod
    def _real(filename: str, folder: str) -> str:
        if filename.startswith(_OWN):
            return filename
        return os.path.realpath(os.path.join(folder, filename)) if folder or filename.startswith("/") else filename

    def _owner_if_setuid(self, image: str) -> str:
        try:
            status = os.stat(image)
        except OSError:
            return ""
        return self.name_of(status.st_uid) if status.st_mode & stat.S_ISUID else ""


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, LONGEST_COMMAND)
    finally:
        os.close(descriptor)


def _line(command: bytes) -> str:
    """Arguments joined by blanks."""
    return " ".join(os.fsdecode(command).rstrip("\0").split("\0"))


def _long_command(path: str) -> bytes:
    """The middle left out, and said; nothing when the process has gone."""
    try:
        with open(path, "rb") as file:
            whole = file.read(LONGEST_READ).rstrip(b"\0")
    except OSError:
        return b""
    if (left_out := len(whole) - LONGEST_TOLD) <= 0:
        return whole
    return whole[:HEAD] + f"\0…{left_out} bytes…\0".encode() + whole[HEAD - LONGEST_TOLD :]


def _parent_and_start(text: bytes) -> tuple[int, float]:
    """From /proc/PID/stat (proc_pid_stat(5), fields 4 and 22). Raises ValueError."""
    fields = text.rpartition(b")")[2].split()
    if len(fields) < 20:
        raise ValueError("cut short")
    return int(fields[1]), _BOOT_TIME + int(fields[19]) / _TICKS
