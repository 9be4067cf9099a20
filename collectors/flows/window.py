"""The bytes of a stream from a moving place on, so that a reader can look ahead and search behind damage."""

import zipfile
import zlib
from collections.abc import Callable
from typing import Protocol

Damage = Callable[[str], None]
"""Called with a sentence for each place of a file that cannot be read."""


class Readable(Protocol):
    """A stream that gives what it has: `read` would lose what was unpacked before the place where a file breaks off."""

    def read1(self, size: int = ..., /) -> bytes:
        """At most `size` bytes; b"" at the end only."""
        ...


_CHUNK = 1024 * 1024
_UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile)


class Window:
    """`data[at:]` lies ahead. Only `more` moves bytes, so a reader may keep both in variables of its own meanwhile."""

    def __init__(self, stream: Readable, damage: Damage) -> None:
        self._stream = stream
        self._damage = damage
        self.ended = False
        self.data = b""
        self.at = 0

    def more(self, count: int) -> bool:
        """Forget what lies behind, read until `count` bytes lie ahead; False when the stream ends before.

        A stream that breaks off (packed file cut short, disk fault) has ended there; what came before is kept.
        """
        if self.ended or len(self.data) - self.at >= count:
            return len(self.data) - self.at >= count
        parts = [self.data[self.at :]]
        ahead = len(parts[0])
        while ahead < count and not self.ended:
            try:
                part = self._stream.read1(max(_CHUNK, count - ahead))
            except _UNREADABLE as error:
                self._damage(f"cannot be read or unpacked any further ({error})")
                part = b""
            self.ended = not part
            parts.append(part)
            ahead += len(part)
        self.data, self.at = b"".join(parts), 0
        return ahead >= count
