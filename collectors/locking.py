"""One agent a state folder, by a lock the system takes back when the process ends, however it ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from collectors.settings import StateDir
from jikimi.errors import Misconfigured, Transient

if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 20
    """Past the process id, which others must be able to read: locks are mandatory there."""

    def _take(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    _ask = _take
else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _ask(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


TAKEN = (BlockingIOError, PermissionError)
"""What the systems raise for a lock that another process holds (flock(2); _locking, EACCES)."""


class AlreadyRunning(Transient):
    """Another agent holds this state folder."""


@contextmanager
def locked(state: StateDir) -> Iterator[None]:
    """Raises AlreadyRunning."""
    with state.lock.open("a+") as file:
        try:
            _take(file.fileno())
        except TAKEN:
            file.seek(0)
            raise AlreadyRunning(f"{state.root}: an agent runs here already (process {file.read().strip()})") from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def is_running(state: StateDir) -> bool:
    """Whether an agent holds the folder's lock. Raises Misconfigured when that may not be asked."""
    try:
        file = state.lock.open("r+" if sys.platform == "win32" else "r")
    except FileNotFoundError:
        return False
    except OSError as error:
        raise Misconfigured(f"{state.lock}: cannot be read ({error.strerror}); ask as the agent's own user") from error
    with file:
        try:
            _ask(file.fileno())
        except TAKEN:
            return True
    return False
