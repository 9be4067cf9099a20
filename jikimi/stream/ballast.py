"""Room to breathe on a full disk.

Even a DELETE needs space (it is written to the WAL first), so a log that fills its disk could never be emptied again.
A ballast file keeps a few megabytes aside: thrown off when the disk is full, taken back when there is room.
"""

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

FreeSpace = Callable[[Path], int]
"""Bytes an unprivileged process may still write to the file system of this folder."""


def free_space(folder: Path) -> int:
    if sys.platform == "win32":
        import shutil

        return shutil.disk_usage(folder).free
    stat = os.statvfs(folder)
    return stat.f_bavail * stat.f_frsize


class Ballast:
    """A file of `size` bytes in `folder`, really allocated."""

    def __init__(self, folder: Path, size: int) -> None:
        self._path = folder / "ballast"
        self.size = size

    @property
    def aboard(self) -> bool:
        return self._path.exists() and self._path.stat().st_size >= self.size

    def drop(self) -> bool:
        """Free the space; False when there was none to free."""
        if not self._path.exists():
            return False
        self._path.unlink()
        return True

    def take(self) -> bool:
        """Allocate it if it is not there; False when the disk has no room for it."""
        if self.aboard:
            return True
        try:
            with self._path.open("wb") as file:
                for _ in range(0, self.size, 1 << 20):
                    file.write(bytes(min(self.size, 1 << 20)))
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            return False
        return True
