"""How far the spool reached, beside it: a file that lost its end still looks whole, and nobody would miss anything.

Written after each commit, before each deletion, and never forced to the disk: it survives a kill, and after a power
cut it is older than the spool, which it then contradicts in nothing.
"""

import contextlib
import os
import zlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from collectors.tamper.life import boot_id
from jikimi.errors import Misconfigured

_SIZE = 1024


class Reach(msgspec.Struct):
    """Of a class: offsets from `start` (what lies below was answered for) to `end`; `events` wait between them, -1 =
    nobody knows. `since`: no event there was spooled before it (seconds since 1970)."""

    start: int = 0
    end: int = 0
    events: int = 0
    since: float = 0.0

    @property
    def batches(self) -> int:
        return self.end - self.start


class Known(msgspec.Struct):
    """By class. `boot`: while the computer ran through, nothing written is lost; `closed`: it was ended in order."""

    reaches: dict[str, Reach]
    boot: str = ""
    closed: bool = False


class Tide:
    """The file. What it says is `read` before the spool is opened, then written at every step."""

    def __init__(self, folder: Path) -> None:
        """Raises Misconfigured."""
        self._path = folder / "tide"
        self._boot = boot_id()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        except OSError as error:
            raise Misconfigured(f"{self._path} cannot be written ({error.strerror})") from error

    def read(self) -> Known | None:
        """None when there is none, or it is damaged itself: then nobody knows what should be there."""
        os.lseek(self._file, 0, os.SEEK_SET)
        check, _, told = os.read(self._file, _SIZE).rstrip(b" \0\n").partition(b" ")
        if check != _check(told):
            return None
        with contextlib.suppress(msgspec.MsgspecError):
            return msgspec.json.decode(told, type=Known)
        return None

    def write(self, reaches: Mapping[str, Reach], *, closed: bool = False) -> None:
        """A disk that takes no more keeps what it had: an older tide contradicts nothing."""
        told = msgspec.json.encode(Known(dict(reaches), self._boot, closed))
        with contextlib.suppress(OSError):
            os.lseek(self._file, 0, os.SEEK_SET)
            os.write(self._file, (_check(told) + b" " + told).ljust(_SIZE - 1) + b"\n")
            if closed:
                os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)


def contradicts(known: Known, bounds: Mapping[str, tuple[int, int]]) -> str:
    """Why a spool that goes from first to second offset a class is not what it was; "" when it may be."""
    exact = is_exact(known)
    for name, reach in known.reaches.items():
        start, end = bounds[name]
        if end < reach.end:
            return f"it ends {reach.end - end} batches too early"
        if exact and (start > reach.start or (known.closed and end > reach.end)):
            return "what it says of itself is not what was written"
    return ""


def is_exact(known: Known) -> bool:
    """Whether nothing can have happened to the spool that is not told here: no power cut since."""
    return known.closed or known.boot == boot_id() != ""


def _check(told: bytes) -> bytes:
    return b"%08x" % zlib.crc32(told)
