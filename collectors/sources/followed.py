"""A text log that grows, is rotated and is cut: every line of it once, also over restarts of the agent."""

import os
from typing import NamedTuple

from collectors.sources.rotated import DAMAGE, HEAD, Opened, bears, is_packed, mark_of, rotated

ROUND = 1 << 20
"""Bytes read at a time, and the longest line: a longer one is handed out in pieces."""


class Place(NamedTuple):
    """Where reading goes on: the file by device, inode and how it begins, and the bytes of it that were handed out as
    lines; bytes of its content where the file is packed."""

    device: int
    inode: int
    offset: int
    mark: str = ""


class Followed:
    """`place` is where an earlier life stopped; without one reading begins at the end of the file, or, for a file that
    was not there when the agent started (`new`), at its beginning. `losses` are sentences about what cannot be read any
    more, to be taken and told."""

    def __init__(self, path: str, place: Place | None = None, *, new: bool = False) -> None:
        self.path = path
        self.losses: list[str] = []
        self._file: Opened | None = None
        self._name = path
        self._head = b""
        self._part = b""
        self._modified = 0
        self._place = place
        self._from_end = place is None and not new

    @property
    def place(self) -> Place | None:
        """None before anything could be opened."""
        return self._place

    @property
    def removed(self) -> bool:
        """Nothing has the log's name, and what was open has no name any more."""
        return not os.path.exists(self.path) and (self._file is None or not self._file.status().st_nlink)

    def lines(self) -> list[str]:
        """The whole lines that came since, at most a round of them. Raises OSError when the file cannot be read."""
        if self._file is None and not self._open():
            return []
        lines = self._read()
        if not lines and self._file is not None and (following := self._next(self._file)):
            rest, self._part = self._part, b""
            self._begin(following, 0)
            return [_text(rest)] if rest else []
        return lines

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

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
        self.close()
        self._file = Opened(path)
        self._name = path
        self._from_end = False
        self._part = b""
        try:
            with Opened(path) as beginning:  # of its own: not every packing can be read backwards
                self._head = beginning.read(HEAD)
            self._file.seek(offset)
        except DAMAGE:
            self._damaged()
        status = self._file.status()
        self._place = Place(status.st_dev, status.st_ino, offset, mark_of(self._head))

    def _read(self) -> list[str]:
        place, file = self._place, self._file
        if place is None or file is None:
            return []
        try:
            chunk = file.read(ROUND)
        except DAMAGE:
            self._damaged()
            return []
        if not file.packed and self._was_cut(file, place, chunk):
            self._go_on_after_the_cut(place)
            return self._read()
        content = self._part + chunk
        *whole, self._part = content.split(b"\n")
        handed = len(content) - len(self._part)
        if len(self._part) >= ROUND:
            whole, self._part, handed = [*whole, self._part], b"", len(content)
        if len(self._head) < HEAD and not file.packed:
            self._head = file.head()
        self._place = place._replace(offset=place.offset + handed, mark=mark_of(self._head))
        return [_text(line) for line in whole]

    def _was_cut(self, file: Opened, place: Place, chunk: bytes) -> bool:
        """Shorter than what was read of it, or begun anew and as long again."""
        status = file.status()
        if status.st_size < place.offset + len(self._part):
            return True
        touched, self._modified = status.st_mtime_ns != self._modified, status.st_mtime_ns
        return (touched or bool(chunk)) and file.head(len(self._head)) != self._head

    def _go_on_after_the_cut(self, place: Place) -> None:
        """In the copy that was made of it before (logrotate's copytruncate), else at its beginning."""
        copy = next((path for path in rotated(self.path) if place.mark and _holds(path, place)), None)
        if copy is not None:
            self._begin(copy, place.offset)
            return
        self.losses.append(f"{self.path} was cut while it was followed; what came just before may be lost")
        self._begin(self._name, 0)

    def _damaged(self) -> None:
        sentence = f"{self._name} is damaged, its rest cannot be unpacked"
        if sentence not in self.losses:
            self.losses.append(sentence)

    def _next(self, file: Opened) -> str | None:
        """The file after this one, when this one was rotated and read to its end: the oldest that is younger."""
        done = file.status()
        if not os.path.exists(self.path) or os.path.samestat(os.stat(self.path), done):
            return None
        younger = [(True, 0, self.path)]
        for path in rotated(self.path):
            status = os.stat(path)
            if os.path.samestat(status, done) or status.st_mtime_ns < done.st_mtime_ns:
                continue
            mark = self._place.mark if self._place else ""
            if not (mark and is_packed(path) and bears(path, mark)):  # else it is the same, packed since
                younger.append((False, status.st_mtime_ns, path))
        return min(younger)[2]

    def _find(self, place: Place) -> str | None:
        """The file under whatever name rotation gave it."""
        known = [path for path in (self.path, *rotated(self.path)) if os.path.exists(path) and _holds(path, place)]
        return next((path for path in known if _inode(path) == place[:2]), known[0] if known else None)


def _inode(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _holds(path: str, place: Place) -> bool:
    """Is it the file that was read up to `place`, or a copy with what came after?"""
    if place.mark and is_packed(path):
        return bears(path, place.mark)
    if is_packed(path) or os.stat(path).st_size < place.offset:
        return False
    return bears(path, place.mark) if place.mark else _inode(path) == place[:2]


def _text(line: bytes) -> str:
    """Without the hole that a writer leaves whose file was cut beneath it."""
    return line.removesuffix(b"\r").lstrip(b"\0").decode("utf-8", "replace")
