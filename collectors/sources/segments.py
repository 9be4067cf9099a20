"""Into how many packets the kernel cut what this computer sent.

Connection tracking counts TCP as the kernel hands it down, in pieces of up to 64 KB (GSO): fewer packets than are sent,
and fewer headers. Each TCP socket counts its own segments, and the kernel tells them when it is gone (sock_diag,
SKNLGRP_INET_TCP_DESTROY; <linux/tcp.h>, struct tcp_info).
"""

import socket
import struct
from collections import OrderedDict
from collections.abc import Set
from typing import NamedTuple

from collectors.sources.bpf import (
    ALL,
    ATTRIBUTE,
    JUMP_EQUAL,
    LOAD32,
    LOAD32_AT_X,
    LOAD_NUMBER,
    RETURN,
    TO_X,
    X_NUMBER,
    Step,
)
from collectors.sources.conntrack import TCP, Entry
from collectors.sources.netlink import HEADER, SOCK_DIAG, Netlink, attributes, listening

_TCP_DESTROY, _TCP6_DESTROY = 1, 3
_DIAG_MESSAGE = 72
_INFO = 2
_SEGMENTS_AT, _DATA_SEGMENTS_AT, _BYTES_SENT_AT, _OPTIONS_AT = 136, 156, 200, 5
_TIMESTAMPS = 1
_MAPPED = bytes(10) + b"\xff\xff"
USUAL_PACKET = 1500
REMEMBERED = 4096
_BUFFER = 8 << 20
_ODD_OPTIONS = 36
"""Bytes by which the options of a packet without data may differ from the usual ones."""

SENT_MUCH = (
    Step(LOAD_NUMBER, HEADER.size + _DIAG_MESSAGE),
    Step(X_NUMBER, _INFO),
    Step(LOAD32, ATTRIBUTE),
    Step(JUMP_EQUAL, 0, "drop"),
    Step(TO_X),
    Step(LOAD32_AT_X, 4 + _DATA_SEGMENTS_AT),
    Step(JUMP_EQUAL, 0, "drop"),
    Step(JUMP_EQUAL, socket.htonl(1), "drop"),
    Step(RETURN, ALL),
    Step(RETURN, 0, label="drop"),
)
"""Only sockets that sent more than one segment of data: what is one cannot have been cut."""

_Name = tuple[bytes, bytes, bytes]
"""Near address, far address, ports near and far."""


class _Sent(NamedTuple):
    """A socket's own counts: segments either way, bytes of data sent; `timestamps` in each header."""

    segments: int
    received: int
    data: int
    timestamps: bool


def listen() -> Netlink:
    """A socket that hears of each TCP socket that sent much, when it is gone. Raises OSError."""
    return listening(SOCK_DIAG, (_TCP_DESTROY, _TCP6_DESTROY), SENT_MUCH, receive_buffer=_BUFFER)


class Segments:
    """Without I/O: messages of `listen` in, corrected flows out. Bounded.

    `cut` are this computer's addresses from which the kernel cuts itself (collectors.sources.offload): from others it
    is the network card, unseen here.
    """

    def __init__(self, cut: Set[bytes]) -> None:
        self._cut = cut
        self._sent: OrderedDict[_Name, _Sent] = OrderedDict()

    @property
    def needed(self) -> bool:
        """Whether the kernel cuts anything here: mostly it does not, and then nobody needs to be asked."""
        return bool(self._cut)

    def gone(self, body: bytes) -> None:
        """A socket's end (<linux/inet_diag.h>, struct inet_diag_msg)."""
        info = attributes(body, _DIAG_MESSAGE).get(_INFO, b"")
        if len(info) < _BYTES_SENT_AT + 8:
            return  # a kernel that does not count bytes sent
        size = 4 if body[0] == socket.AF_INET else 16
        near, far = _address(body[8 : 8 + size]), _address(body[24 : 24 + size])
        if near not in self._cut:
            return
        segments, received = struct.unpack_from("=II", info, _SEGMENTS_AT)
        (data,) = struct.unpack_from("=Q", info, _BYTES_SENT_AT)
        self._sent[near, far, body[4:8]] = _Sent(segments, received, data, bool(info[_OPTIONS_AT] & _TIMESTAMPS))
        if len(self._sent) > REMEMBERED:
            self._sent.popitem(last=False)

    def awaited(self, entry: Entry) -> bool:
        """Whether `entry` was cut, by its size, and its socket has not been told yet."""
        return (
            entry.source in self._cut
            and entry.bytes_out > entry.packets_out * USUAL_PACKET
            and _out(entry) not in self._sent
        ) or (
            entry.destination in self._cut
            and entry.bytes_in > entry.packets_in * USUAL_PACKET
            and _in(entry) not in self._sent
        )

    def corrected(self, entry: Entry) -> Entry:
        """With the packets and bytes that were on the wire, where this computer sent them."""
        if not self._sent or entry.protocol != TCP:
            return entry
        if (sent := self._sent.pop(_out(entry), None)) is not None:
            more, size = _cut(sent, 0, entry.packets_out, entry.bytes_out, entry.packets_in, len(entry.source))
            entry = entry._replace(packets_out=entry.packets_out + more, bytes_out=entry.bytes_out + more * size)
        if (sent := self._sent.pop(_in(entry), None)) is not None:
            more, size = _cut(sent, 1, entry.packets_in, entry.bytes_in, entry.packets_out, len(entry.source))
            entry = entry._replace(packets_in=entry.packets_in + more, bytes_in=entry.bytes_in + more * size)
        return entry


def _cut(sent: _Sent, answering: int, packets: int, size: int, others: int, address: int) -> tuple[int, int]:
    """How many more packets there were than were counted, and the bytes of each one's header.

    A socket does not count the SYN and ACK of a listener's answer (`answering`), nor what is answered after its end,
    for which `others`, the packets the other side sent, is more than it received; a RST at its end may be missing.
    (0, 0) for counts that are another socket's, on the same ports.
    """
    header = (20 if address == 4 else 40) + 20 + (12 if sent.timestamps else 0)
    more = sent.segments + answering + max(others - sent.received, 0) - packets
    if abs(size - packets * header - sent.data) > _ODD_OPTIONS * packets or more <= 0:
        return 0, 0
    return more, header


def _out(entry: Entry) -> _Name:
    return entry.source, entry.destination, entry.ports


def _in(entry: Entry) -> _Name:
    return entry.destination, entry.source, entry.ports[2:] + entry.ports[:2]


def _address(packed: bytes) -> bytes:
    return packed.removeprefix(_MAPPED) if len(packed) == 16 else packed
