"""Many short datagrams in one system call: recvmmsg(2), which Python's socket module does not have.

A flow is a datagram or two, each of which would take a call of its own, and a call costs more than what it brings.
"""

import ctypes
import errno
import mmap
import os
import socket
import struct

AT_ONCE = 64
LONGEST = 1024
"""Bytes."""
MSG_WAITFORONE = 0x10000


class _Piece(ctypes.Structure):
    """`struct iovec` of <sys/uio.h>."""

    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """`struct msghdr` of <sys/socket.h>."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_size", ctypes.c_uint),
        ("pieces", ctypes.POINTER(_Piece)),
        ("piece_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """`struct mmsghdr`."""

    _fields_ = (("header", _Header), ("received", ctypes.c_uint))


_libc = ctypes.CDLL(None, use_errno=True)
_BEFORE = _Message.received.offset
_AFTER = ctypes.sizeof(_Message) - _BEFORE - ctypes.sizeof(ctypes.c_uint)
_PLACES = range(0, AT_ONCE * LONGEST, LONGEST)
_SIZES = struct.Struct("=" + f"{_BEFORE}xI{_AFTER}x" * AT_ONCE)


class Datagrams:
    """Room for what is read at once; memory is taken as it is needed. For one thread at a time."""

    def __init__(self) -> None:
        self._room = mmap.mmap(-1, AT_ONCE * LONGEST)
        first = ctypes.addressof(ctypes.c_char.from_buffer(self._room))
        self._pieces = (_Piece * AT_ONCE)(*(_Piece(first + at * LONGEST, LONGEST) for at in range(AT_ONCE)))
        self._messages = (_Message * AT_ONCE)()
        for message, piece in zip(self._messages, self._pieces, strict=True):
            message.header.pieces, message.header.piece_count = ctypes.pointer(piece), 1

    def receive(self, descriptor: int, flags: int) -> list[bytes]:
        """At least one datagram, at most AT_ONCE. `flags`: MSG_DONTWAIT, or MSG_WAITFORONE to wait for the first.

        Raises OSError; BlockingIOError when nothing waits; ENOBUFS when one was longer than there is room for, as if
        the kernel had thrown it away.
        """
        # With MSG_TRUNC the kernel tells how long a datagram was, however much of it found room.
        while (count := _libc.recvmmsg(descriptor, self._messages, AT_ONCE, flags | socket.MSG_TRUNC, None)) < 0:
            if (code := ctypes.get_errno()) != errno.EINTR:
                raise OSError(code, os.strerror(code))
        sizes = _SIZES.unpack_from(self._messages)[:count]
        if max(sizes) > LONGEST:
            raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))
        return [self._room[at : at + size] for at, size in zip(_PLACES, sizes, strict=False)]
