"""The machine's sockets by sock_diag(7): who owns one, and (without any right) all TCP connections with their counters.

Layouts are `struct inet_diag_req_v2`, `inet_diag_msg` and `tcp_info` of <linux/inet_diag.h> and <linux/tcp.h>.
"""

import os
import socket
import struct
import time

from collectors.sources.netlink import DUMP, Message, Netlink, attributes
from collectors.sources.socket_watch import Sock
from collectors.sources.who import NOBODY, Processes, Who

BY_FAMILY = 20
REQUEST = struct.Struct("=BBBBI")
ANSWER = struct.Struct("=BBBB")
IDENTITY = 48
AFTER = struct.Struct("=IIIII")  # expires, rqueue, wqueue, uid, inode
INFO = 2
WANT_INFO = 1 << (INFO - 1)
TCP, UDP = 6, 17
ALL_STATES = 0xFFF
NO_COOKIE = b"\xff" * 8

_BYTES_AT = 120  # tcpi_bytes_acked, tcpi_bytes_received (u64), tcpi_segs_out, tcpi_segs_in (u32)
_BYTES = struct.Struct("=QQII")

HEADERS = {socket.AF_INET: 52, socket.AF_INET6: 72}
"""Bytes of IP and TCP headers with the time stamp option, to estimate IP bytes from a socket's payload counts."""


def tcp_sockets(ask: Netlink) -> list[Sock]:
    """All TCP sockets of both families, TIME_WAIT included. Raises OSError."""
    found = []
    for family in (socket.AF_INET, socket.AF_INET6):
        body = REQUEST.pack(family, TCP, WANT_INFO, 0, ALL_STATES) + bytes(IDENTITY)
        found += [_sock(answer) for answer in ask.ask(BY_FAMILY, body, DUMP)]
    return found


def owner_of(ask: Netlink, protocol: int, local: tuple[str, int], remote: tuple[str, int]) -> Sock | None:
    """The socket of a connection seen from this machine, or the one that listens for it; None when there is none."""
    family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
    ports = struct.pack(">HH", local[1], remote[1])
    addresses = b"".join(socket.inet_pton(family, name).ljust(16, b"\0") for name in (local[0], remote[0]))
    body = REQUEST.pack(family, protocol, 0, 0, ALL_STATES) + ports + addresses + bytes(4) + NO_COOKIE
    try:
        answers = ask.ask(BY_FAMILY, body)
    except OSError:
        return None
    return _sock(answers[0]) if answers else None


def _sock(answer: Message) -> Sock:
    body = answer.body
    family, state, _, _ = ANSWER.unpack_from(body)
    local_port, remote_port = struct.unpack_from(">HH", body, 4)
    size = 4 if family == socket.AF_INET else 16
    local = _text(family, body[8 : 8 + size])
    remote = _text(family, body[24 : 24 + size])
    _, _, _, uid, inode = AFTER.unpack_from(body, 4 + IDENTITY)
    sock = Sock(family, state, local, local_port, remote, remote_port, uid, inode, body[44:52])
    info = attributes(body, 4 + IDENTITY + AFTER.size).get(INFO, b"")
    if len(info) < _BYTES_AT + _BYTES.size:
        return sock
    acked, received, segments_out, segments_in = _BYTES.unpack_from(info, _BYTES_AT)
    header = HEADERS[family]
    return sock._replace(
        packets_out=segments_out,
        bytes_out=acked + header * segments_out,
        packets_in=segments_in,
        bytes_in=received + header * segments_in,
    )


def _text(family: int, raw: bytes) -> str:
    text = socket.inet_ntop(family, raw)
    return text.removeprefix("::ffff:") if text.startswith("::ffff:") and "." in text else text


class Inodes:
    """Socket inode → process id, by walking /proc/*/fd; after each walk it rests 50 times as long as that took."""

    REST = 50

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._owner: dict[int, int] = {}
        self._next_walk = 0.0

    def pid(self, inode: int) -> int:
        """0 when unknown (no right, or the process has gone)."""
        if inode and inode not in self._owner and time.monotonic() >= self._next_walk:
            started = time.monotonic()
            self._walk()
            self._next_walk = time.monotonic() + self.REST * (time.monotonic() - started)
        return self._owner.get(inode, 0)

    def _walk(self) -> None:
        found = {}
        for pid in filter(str.isdigit, os.listdir(self._proc)):
            folder = f"{self._proc}/{pid}/fd"
            try:
                for fd in os.listdir(folder):
                    target = os.readlink(f"{folder}/{fd}")
                    if target.startswith("socket:["):
                        found[int(target[8:-1])] = int(pid)
            except OSError:
                continue
        self._owner = found


def owner(sock: Sock, inodes: Inodes, processes: Processes) -> Who:
    """Process and user of a socket, as far as they can be known."""
    if pid := inodes.pid(sock.inode):
        return processes.who(pid)
    return Who(user=processes.name_of(sock.uid)) if sock.inode else NOBODY
