"""Which program and which person: process id to image and user, from /proc."""

import os
import pwd
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

REMEMBERED = 4096
DELETED = " (deleted)"


class Who(NamedTuple):
    """Unknown parts are empty."""

    pid: int = 0
    image: str = ""
    user: str = ""

    def fields(self) -> dict[str, object]:
        """The event fields of what is known."""
        return {"Image": readable(self.image), "ProcessId": self.pid or None, "User": self.user}


NOBODY = Who()


def readable(path: str) -> str:
    """A path as valid Unicode: bytes that are no UTF-8 become \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def user_name(uid: int) -> str:
    """Login name, else the number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


class Processes:
    """Remembers who a process was, so that the last file it closed still has a name.

    A process is told from a later one with the same number by its start time. `executed` is fed by the kernel's exec
    events where these can be had; without them a process that ended before it was asked about stays unknown.
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = str(proc)
        self._known: OrderedDict[int, Who] = OrderedDict()
        self._users: dict[int, str] = {}

    def who(self, pid: int) -> Who:
        """Image and user of `pid` now, else as last seen, else only the number."""
        if pid <= 0:
            return NOBODY
        try:
            uid = os.stat(f"{self._proc}/{pid}").st_uid
            image = os.readlink(f"{self._proc}/{pid}/exe").removesuffix(DELETED)
        except OSError:
            return self._known.get(pid, Who(pid))
        return self._remember(Who(pid, image, self.name_of(uid)))

    def executed(self, pid: int, image: str, uid: int | None) -> None:
        """The kernel said that `pid` now runs `image`."""
        user = self.name_of(uid) if uid is not None else ""
        self._remember(Who(pid, image, user))

    def name_of(self, uid: int) -> str:
        """Login name of a user id, remembered."""
        if uid not in self._users:
            self._users[uid] = user_name(uid)
        return self._users[uid]

    def _remember(self, who: Who) -> Who:
        self._known[who.pid] = who
        self._known.move_to_end(who.pid)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return who
