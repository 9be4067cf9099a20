"""One process a folder, said clearly."""

import os
import sys
from pathlib import Path

from jikimi.errors import Misconfigured

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)  # far past the pid, which others must be able to read
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FolderLock:
    """Held from construction to `release`, and by the kernel no longer than the process lives.

    Raises Misconfigured, naming folder and pid, when another process (or this one) holds it, and when the folder
    cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as error:
            raise Misconfigured(
                f"{folder} cannot be written to ({error.strerror}): give it to this user or choose another folder"
            ) from error
        try:
            _try_lock(self._descriptor)
        except OSError as error:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            holder = os.read(self._descriptor, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise Misconfigured(
                f"{folder} is already in use by process {holder} (already running?): stop it or choose another folder"
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, f"{os.getpid()}\n".encode("ascii"))

    def release(self) -> None:
        os.close(self._descriptor)
