"""What rotation made of a log: other names, copies and packed files, each known by how its content begins.

An inode alone does not tell: file systems give it to the next file at once, and packing or copying makes another.
"""

import contextlib
import glob
import io
import lzma
import os
import re
import zlib
from importlib import import_module
from typing import Any, BinaryIO, cast

import zstandard
from xxhash import xxh3_64_hexdigest

HEAD = 1024
"""Bytes a file is known by: a few lines with their times."""
DAMAGE = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zstandard.ZstdError)

_PACKED = {".gz": "gzip", ".xz": "lzma", ".bz2": "bz2", ".zst": "zstandard"}
"""The module that unpacks it: brought when there is something to unpack, for the agent stays in a client's memory."""
_NUMBERED = r"[-._]\d[\d._-]*"


def is_packed(path: str) -> bool:
    return os.path.splitext(path)[1] in _PACKED


class Opened:
    """A file and its content, which is the file itself unless it is packed. Reading raises one of DAMAGE."""

    def __init__(self, path: str) -> None:
        """Raises OSError."""
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        raw = cast("BinaryIO", io.FileIO(self._descriptor, closefd=False))
        self.packed = is_packed(path)
        self._content = _unpacked(raw, _PACKED[os.path.splitext(path)[1]]) if self.packed else raw

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, most: int) -> bytes:
        content: bytes | None = self._content.read(most)
        return content or b""

    def seek(self, offset: int) -> None:
        self._content.seek(offset)

    def head(self, length: int = HEAD) -> bytes:
        """The first bytes of a file that is not packed, wherever it is being read."""
        return os.pread(self._descriptor, length, 0)

    def status(self) -> os.stat_result:
        return os.fstat(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


def _unpacked(raw: BinaryIO, by: str) -> Any:
    return _Zstd(raw) if by == "zstandard" else import_module(by).open(raw)


class _Zstd:
    """Read forwards; zstandard's own reader takes a file that was cut for one that ends."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._ready = b""

    def read(self, most: int) -> bytes:
        """Raises EOFError, ZstdError."""
        while not self._ready:
            packed = self._frame.unused_data or self._raw.read(1 << 16)
            if not packed and not self._frame.eof:
                raise EOFError("cut short")
            if not packed:
                break
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._ready = self._frame.decompress(packed)
        given, self._ready = self._ready[:most], self._ready[most:]
        return given

    def seek(self, offset: int) -> None:
        while offset > 0 and (passed := len(self.read(min(offset, 1 << 20)))):
            offset -= passed


def mark_of(head: bytes) -> str:
    """What a file that begins with `head` is known by; empty for an empty one."""
    return f"{len(head)}:{xxh3_64_hexdigest(head)}" if head else ""


def bears(path: str, mark: str) -> bool:
    """Does the content of `path` begin so? False when it cannot be read."""
    length = int(mark.partition(":")[0])
    with contextlib.suppress(*DAMAGE), Opened(path) as file:
        head = file.read(length)
        return len(head) == length and mark_of(head) == mark
    return False


def rotated(path: str) -> list[str]:
    """`auth.log.1`, `access.log-20261122.gz`, `access-20261122.log`; what is plain before what is packed."""
    stem, extension = os.path.splitext(path)
    packings = "|".join(map(re.escape, _PACKED))
    numbered = rf"{re.escape(stem)}{_NUMBERED}{re.escape(extension)}(?:{packings})?"
    form = re.compile(rf"{re.escape(path)}[-.].+|{numbered}")
    names = {*glob.glob(f"{glob.escape(path)}[-.]*"), *glob.glob(f"{glob.escape(stem)}[-._]*")}
    return sorted((name for name in names if form.fullmatch(name) and os.path.isfile(name)), key=is_packed)


def is_rotated(path: str) -> bool:
    """Is `path` named as rotation names what it made of another file that is there?"""
    plain = os.path.splitext(path)[0] if is_packed(path) else path
    stem, extension = os.path.splitext(plain)
    base = re.sub(rf"{_NUMBERED}$", "", stem)
    return base != stem and os.path.exists(base + extension)
