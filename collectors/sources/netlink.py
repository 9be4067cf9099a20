"""Netlink messages by struct (RFC 3549; <linux/netlink.h>): headers, attributes, a socket that asks and listens."""

import errno
import os
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import NamedTuple, Self

from collectors.sources.bpf import Step, attach
from collectors.sources.datagrams import MSG_WAITFORONE, Datagrams

NETFILTER, SOCK_DIAG = 12, 4
REQUEST, ACK, DUMP, CREATE = 0x01, 0x04, 0x300, 0x400
ERROR, DONE = 2, 3
NESTED = 0x8000
TYPE_MASK = 0x3FFF

HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")
_header, _HEADER_SIZE = HEADER.unpack_from, HEADER.size
READ_BYTES = 1 << 15
TOGETHER = 64
"""Requests in one send: their answers must fit into the receive buffer."""

_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_SO_RCVBUFFORCE = 33
_SO_MEMINFO, _DROPS = 55, 8  # linux/sock_diag.h: sk_meminfo, of which the ninth number counts what found no room


class Message(NamedTuple):
    kind: int
    flags: int
    sequence: int
    body: bytes


_message = partial(tuple.__new__, Message)
"""Takes the fields as one tuple: a third of the time of `Message(...)`, and there is one a flow."""


def message(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    """One message, padded to four bytes."""
    return _pad(HEADER.pack(HEADER.size + len(body), kind, flags, sequence, 0) + body)


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    return _pad(ATTRIBUTE.pack(ATTRIBUTE.size + len(value), kind) + value)


def nested(kind: int, *inner: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | NESTED, b"".join(inner))


def messages(buffer: bytes) -> list[Message]:
    """The messages in what was read; one that is cut short ends the reading."""
    found: list[Message] = []
    at, end = 0, len(buffer)
    while at + _HEADER_SIZE <= end:
        length, kind, flags, sequence, _ = _header(buffer, at)
        if length < _HEADER_SIZE or at + length > end:
            break
        found.append(_message((kind, flags, sequence, buffer[at + _HEADER_SIZE : at + length])))
        at += (length + 3) & ~3
    return found


def attributes(body: bytes, at: int = 0) -> dict[int, bytes]:
    """Attributes by number, from offset `at`; of a repeated one the last."""
    found = {}
    end = len(body)
    while at + ATTRIBUTE.size <= end:
        length, kind = ATTRIBUTE.unpack_from(body, at)
        if length < ATTRIBUTE.size or at + length > end:
            break
        found[kind & TYPE_MASK] = body[at + ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    return found


def _pad(raw: bytes) -> bytes:
    return raw + bytes(-len(raw) % 4) if len(raw) % 4 else raw


class Netlink:
    """One netlink socket. Raises OSError (EPERM without the right, EPROTONOSUPPORT when the kernel lacks it)."""

    def __init__(self, protocol: int, *, receive_buffer: int = 1 << 20) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._sequence = 0
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._datagrams: Datagrams | None = None
        try:
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, receive_buffer)
            except PermissionError:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self._socket.bind((0, 0))
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def join(self, group: int) -> None:
        """Listen to a multicast group."""
        self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)

    def events(self) -> list[Message]:
        """What waits now, as many as are read at once, [] when nothing waits.

        Raises OSError with ENOBUFS when the kernel had to throw events away; what it kept comes with the next call.
        """
        try:
            return self._several(socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []

    def thrown_away(self) -> int | None:
        """How many events found no room since the socket was opened, without those that the filter drops anyway; None
        where the kernel does not tell."""
        try:
            told = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 4 * (_DROPS + 1))
            return int(struct.unpack_from(f"={_DROPS + 1}I", told)[_DROPS])
        except (OSError, struct.error):
            return None

    def filter(self, steps: Sequence[Step]) -> None:
        """Let the kernel throw away what the program drops. Raises OSError."""
        attach(self._socket, steps)

    def dump(self, kind: int, body: bytes) -> Iterator[Message]:
        """All answers to one request, as they come. Raises OSError with the kernel's errno."""
        self._sequence += 1
        self._socket.send(message(kind, REQUEST | DUMP, self._sequence, body))
        yield from self._answers(self._sequence, dump=True)

    def ask_each(self, kind: int, bodies: Sequence[bytes]) -> Iterator[Message]:
        """One answer to each request, in order; those the kernel refuses (what was asked for has gone) are left out."""
        for first in range(0, len(bodies), TOGETHER):
            begin = self._sequence + 1
            some = bodies[first : first + TOGETHER]
            self._sequence += len(some)
            asked = [message(kind, REQUEST, begin + at, body) for at, body in enumerate(some)]
            self._socket.send(b"".join(asked))
            yield from self._answered(begin, self._sequence)

    def _answered(self, first: int, last: int) -> Iterator[Message]:
        answered = 0
        while answered <= last - first:
            for answer in self._several(MSG_WAITFORONE):
                if first <= answer.sequence <= last:
                    answered += 1
                    if answer.kind != ERROR:
                        yield answer

    def _several(self, flags: int) -> list[Message]:
        if self._datagrams is None:
            self._datagrams = Datagrams()
        found: list[Message] = []
        for datagram in self._datagrams.receive(self._socket.fileno(), flags):
            found += messages(datagram)
        return found

    def ask(self, kind: int, body: bytes, flags: int = 0) -> list[Message]:
        """Send one request; the answers. Raises OSError with the kernel's errno."""
        self._sequence += 1
        self._socket.send(message(kind, REQUEST | flags, self._sequence, body))
        return list(self._answers(self._sequence, dump=bool(flags & DUMP)))

    def send(self, raw: bytes) -> None:
        """Messages packed by the caller, whose acknowledgements `acknowledged` reads."""
        self._socket.send(raw)

    def acknowledged(self, sequence: int) -> None:
        """Wait for the acknowledgement of `sequence`. Raises OSError for the first refusal of any message."""
        while True:
            for answer in messages(self._receive()):
                if answer.kind == ERROR:
                    _raise_if_refused(answer)
                    if answer.sequence == sequence:
                        return

    def _answers(self, sequence: int, *, dump: bool) -> Iterator[Message]:
        while True:
            for answer in messages(self._receive()):
                if answer.sequence != sequence:
                    continue
                if answer.kind == DONE:
                    return
                if answer.kind == ERROR:
                    _raise_if_refused(answer)
                    return
                yield answer
                if not dump:
                    return

    def _receive(self, flags: int = 0) -> bytes:
        """One datagram. `recv` would take the room for the longest from the heap for each short one."""
        return bytes(self._buffer[: self._socket.recv_into(self._buffer, 0, flags)])

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _raise_if_refused(answer: Message) -> None:
    code = -struct.unpack_from("=i", answer.body)[0]
    if code:
        raise OSError(code, os.strerror(code))


def lost_events(error: OSError) -> bool:
    """Whether the kernel says that it threw events away."""
    return error.errno == errno.ENOBUFS


def listening(protocol: int, groups: Iterable[int], only: Sequence[Step], *, receive_buffer: int) -> Netlink:
    """A socket that hears, of these multicast groups, what the filter lets through. Raises OSError."""
    heard = Netlink(protocol, receive_buffer=receive_buffer)
    try:
        heard.filter(only)
        for group in groups:
            heard.join(group)
    except OSError:
        heard.close()
        raise
    return heard
