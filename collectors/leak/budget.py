"""What examining one file may take. Whoever unpacks or reads asks first, so that no archive bomb gets far."""

import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from collectors.leak import notes
from collectors.leak.notes import Note

CHUNK = 1 << 20


class Readable(Protocol):
    """What a member of any archive opens as."""

    def read(self, size: int, /) -> bytes: ...


class Exhausted(Exception):
    """A cap was reached; `note` says which. What was found until then still counts."""

    def __init__(self, note: Note) -> None:
        super().__init__(note.en)
        self.note = note


class Caps(msgspec.Struct, frozen=True):
    """Bytes, counts and seconds for one file on disk with everything inside it."""

    file_bytes: int = 4 << 30
    unpacked_bytes: int = 1 << 30
    nested_bytes: int = 32 << 20
    """A member larger than this is hashed but not opened: what is opened lies in memory."""
    members: int = 10_000
    depth: int = 3
    characters: int = 8 << 20
    pages: int = 500
    seconds: float = 60.0


class Budget:
    """One file's allowance; `notes` says what could not be examined, in words for people."""

    def __init__(self, caps: Caps, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.caps = caps
        self.notes: list[Note] = []
        self.locked = False
        """Something was locked by its maker; else what is noted is merely large, deep or damaged."""
        self._monotonic = monotonic
        self._until = monotonic() + caps.seconds
        self._unpacked = 0
        self._members = 0

    def note(self, what: Note) -> None:
        """Each thing once, at most ten."""
        if what not in self.notes and len(self.notes) < 10:
            self.notes.append(what)

    def lock(self, what: Note) -> None:
        """Something that only whoever has the password can read."""
        self.locked = True
        self.note(what)

    def hurry(self) -> None:
        """Raises Exhausted when the time is up."""
        if self._monotonic() > self._until:
            raise Exhausted(notes.TIME)

    def unpack(self, count: int) -> None:
        """`count` more bytes came out of an archive. Raises Exhausted."""
        self._unpacked += count
        if self._unpacked > self.caps.unpacked_bytes:
            raise Exhausted(notes.unpacks_to_much(self.caps.unpacked_bytes >> 20))
        self.hurry()

    def member(self) -> None:
        """One more member. Raises Exhausted."""
        self._members += 1
        if self._members > self.caps.members:
            raise Exhausted(notes.many_members(self.caps.members))

    def unpacked(self, file: Readable, most: int) -> bytes:
        """At most `most` bytes of what comes out of an archive, counted. Raises Exhausted."""
        content = file.read(most)
        self.unpack(len(content))
        return content
