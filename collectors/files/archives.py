"""Archives opened as streams, with the bounds that keep a bomb from doing harm."""

import gzip
import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from collectors.files.lines import Peekable
from collectors.files.problems import Problems
from jikimi.errors import Misconfigured

MAX_MEMBERS = 10_000
MAX_RATIO = 500
RATIO_COUNTS_FROM = 256 * 1024 * 1024
"""Content that grows MAX_RATIO-fold and beyond this size is refused: logs shrink 20 to 100 times, zero bytes 1,000."""

DAMAGE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError)


class Bounded(io.RawIOBase):
    """Decompressed content that raises Misconfigured once it has grown out of all proportion to `packed`."""

    def __init__(self, stream: Any, place: str, packed: Callable[[], int]) -> None:
        self._stream = stream
        self._place = place
        self._packed = packed
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._stream.read1(len(buffer))  # read would lose what comes before a place that is damaged
        buffer[: len(chunk)] = chunk
        self._given += len(chunk)
        if self._given > RATIO_COUNTS_FROM and self._given > MAX_RATIO * self._packed():
            raise bomb(self._place)
        return len(chunk)


def bomb(place: str) -> Misconfigured:
    return Misconfigured(f"{place}: refused, it unpacks to more than {MAX_RATIO} times its size (an archive bomb?)")


def open_gzip(stream: IO[bytes], place: str) -> Peekable:
    """The content of a gzip stream (RFC 1952, also several members)."""
    counted = Counted(stream)
    return io.BufferedReader(Bounded(gzip.GzipFile(fileobj=counted), place, lambda: counted.taken), 256 * 1024)


class Counted(io.RawIOBase):
    """Passes reads through and tells how many bytes were taken, so that a bar can follow a file of any format."""

    def __init__(self, stream: IO[bytes], tell: Callable[[int], None] | None = None) -> None:
        self._stream = stream
        self._told = tell
        self.taken = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._stream.seekable()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readinto(self, buffer: Any) -> int:
        chunk = self._stream.read(len(buffer))
        buffer[: len(chunk)] = chunk
        self.taken += len(chunk)
        if self._told is not None and chunk:
            self._told(len(chunk))
        return len(chunk)


def seekable(stream: Peekable, path: Path | None) -> IO[bytes]:
    """`stream` itself when it is the plain file `path`, else a copy of its content on disk, gone when closed."""
    if path is not None:
        return stream
    copy = tempfile.TemporaryFile(prefix="jikimi-")  # noqa: SIM115 - handed to the caller, who closes it
    try:
        shutil.copyfileobj(stream, copy)
        copy.seek(0)
    except BaseException:
        copy.close()
        raise
    return copy


def members(stream: IO[bytes], place: str, problems: Problems) -> Iterator[tuple[str, Peekable]]:
    """Each file of a zip as (place, content), without folders and macOS's resource forks.

    Raises Misconfigured when nothing in it may be read: damaged directory, encrypted, too many members, a bomb.
    """
    try:
        archive = zipfile.ZipFile(stream)
    except DAMAGE as error:
        raise Misconfigured(f"{place}: not a whole zip archive ({error})") from error
    with archive:
        wanted = [info for info in archive.infolist() if _is_content(info)]
        _refuse_bombs(wanted, place)
        for info in wanted:
            inner = f"{place}!{info.filename}"
            try:
                content = archive.open(info)
            except DAMAGE as error:
                problems.broken(inner, f"cannot be unpacked ({error})")
                continue
            with content:
                yield inner, io.BufferedReader(Bounded(content, inner, _constant(info.compress_size)), 256 * 1024)


def _constant(number: int) -> Callable[[], int]:
    return lambda: max(number, 1)


def _is_content(info: zipfile.ZipInfo) -> bool:
    parts = Path(info.filename).parts
    return not info.is_dir() and "__MACOSX" not in parts and not (parts and parts[-1] in (".DS_Store", "Thumbs.db"))


def _refuse_bombs(infos: list[zipfile.ZipInfo], place: str) -> None:
    if len(infos) > MAX_MEMBERS:
        raise Misconfigured(f"{place}: refused, it holds {len(infos)} files; at most {MAX_MEMBERS} are read")
    if any(info.flag_bits & 1 for info in infos):
        raise Misconfigured(f"{place}: encrypted; unpack it with its password first")
    size = sum(info.file_size for info in infos)
    packed = sum(info.compress_size for info in infos)
    if size > RATIO_COUNTS_FROM and size > MAX_RATIO * max(packed, 1):
        raise bomb(place)
