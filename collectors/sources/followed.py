"""A text log that grows, is rotated and is cut: every line of it once, also over restarts of the agent."""

import glob
import os
from typing import NamedTuple

ROUND = 1 << 20
"""Bytes read at a time, and the longest line: a longer one is handed out in pieces."""


_PACKED = (".gz", ".xz", ".bz2", ".zst")


class Place(NamedTuple):
    """Where reading goes on: the file by device and inode, and the bytes of it that were handed out as lines."""

    device: int
    inode: int
    offset: int


class Followed:
    """`place` is where an earlier life stopped; without one reading begins at the end of the file, or, for a file that
    was not there when the agent started (`new`), at its beginning. `losses` are sentences about what cannot be read any
    more, to be taken and told."""

    def __init__(self, path: str, place: Place | None = None, *, new: bool = False) -> None:
        self.path = path
        self.losses: list[str] = []
        self._descriptor = -1
        self._part = b""
        self._place = place
        self._from_end = place is None and not new

    @property
    def place(self) -> Place | None:
        """None before anything could be opened."""
        return self._place

    def lines(self) -> list[str]:
        """The whole lines that came since, at most a round of them. Raises OSError when the file cannot be read."""
        if self._descriptor < 0 and not self._open():
            return []
        lines = self._read()
        if not lines and (following := self._next()):
            rest, self._part = self._part, b""
            self._close()
            self._begin(following, 0)
            return [_text(rest)] if rest else []
        return lines

    def close(self) -> None:
        self._close()

    def _open(self) -> bool:
        """False when there is nothing to read (yet)."""
        if self._place is not None:
            if (file := self._find(self._place)) is not None:
                self._begin(file, self._place.offset)
                return True
            self.losses.append(f"{self.path} was rotated away while nobody watched, from byte {self._place.offset} on")
        if not os.path.exists(self.path):
            return False
        self._begin(self.path, os.stat(self.path).st_size if self._from_end else 0)
        return True

    def _begin(self, path: str, offset: int) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        self._from_end = False
        status = os.fstat(self._descriptor)
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        self._place = Place(status.st_dev, status.st_ino, offset)

    def _read(self) -> list[str]:
        place = self._place
        if place is None:
            return []
        if os.fstat(self._descriptor).st_size < place.offset + len(self._part):
            self.losses.append(f"{self.path} was cut while it was followed; what came just before is lost")
            place, self._part = place._replace(offset=0), b""
            os.lseek(self._descriptor, 0, os.SEEK_SET)
        *whole, self._part = (self._part + os.read(self._descriptor, ROUND)).split(b"\n")
        if len(self._part) >= ROUND:
            whole, self._part = [*whole, self._part], b""
            handed = sum(len(line) + 1 for line in whole) - 1
        else:
            handed = sum(len(line) + 1 for line in whole)
        self._place = place._replace(offset=place.offset + handed)
        return [_text(line) for line in whole]

    def _next(self) -> str | None:
        """The file after this one, when this one was rotated and read to its end: the oldest that is younger."""
        done = os.fstat(self._descriptor)
        if not os.path.exists(self.path) or os.path.samestat(os.stat(self.path), done):
            return None
        younger = []
        for path in (self.path, *self._rotated()):
            status = os.stat(path)
            if not os.path.samestat(status, done) and (status.st_mtime_ns >= done.st_mtime_ns or path == self.path):
                younger.append((path == self.path, status.st_mtime_ns, path))
        _, _, following = min(younger)
        if following.endswith(_PACKED):
            self.losses.append(f"{following} was packed before it was read")
            return self.path
        return following

    def _find(self, place: Place) -> str | None:
        """The file under whatever name rotation gave it."""
        for path in (self.path, *self._rotated()):
            status = os.stat(path) if os.path.exists(path) else None
            if status and (status.st_dev, status.st_ino) == place[:2] and status.st_size >= place.offset:
                return path
        return None

    def _rotated(self) -> list[str]:
        """`auth.log.1`, `access.log-20261122`."""
        pattern = glob.escape(self.path)
        return [path for sign in ".-" for path in glob.glob(f"{pattern}{sign}*") if os.path.exists(path)]

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", "replace")
