"""A packet socket's shared ring (TPACKET_V3, packet_mmap.rst): packets without a system call each.

Only the first bytes of each packet are kept: enough for all headers, and how long the packet was is told beside.
"""

import mmap
import socket
import struct
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import NamedTuple, Self

from collectors.sources.bpf import RETURN, Step, attach

BLOCK_BYTES, BLOCKS = 128 << 10, 32
SNAP = 128
RETIRE_MS = 200
"""A block that is not full is handed over after so long."""

ETH_P_ALL, _SOL_PACKET = 3, 263
_RX_RING, _STATISTICS, _VERSION, _V3 = 5, 6, 10, 2
_REQUEST = struct.Struct("=IIIIIII")
_COUNTS = struct.Struct("=III")
_BLOCK = struct.Struct("=8xIII")  # status, packets, offset of the first
_PACKET = struct.Struct("=IIIIII HH")  # next, seconds, nanoseconds, kept, length, status, mac, net
_LINK = struct.Struct("=HHiHB")  # sockaddr_ll: family, protocol, interface, hardware type, packet type
_LINK_AT = 48
_OURS = 1
_OUTGOING, _OTHER_HOST, _LOOPBACK = 4, 3, 1


class Caught(NamedTuple):
    """`at` ns since 1970; `frame` begins with the IP header, `length` is the packet's own."""

    at: int
    frame: bytes
    length: int


class Ring:
    """Raises OSError without CAP_NET_RAW."""

    def __init__(self, only: Sequence[Step] = (Step(RETURN, SNAP),), blocks: int = BLOCKS) -> None:
        """`only`: the kernel's filter; what it returns is how much of a packet is kept."""
        self._blocks = blocks
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, socket.htons(ETH_P_ALL))
        try:
            attach(self._socket, only)
            self._socket.setsockopt(_SOL_PACKET, _VERSION, _V3)
            frames = BLOCK_BYTES * blocks // 2048
            asked = _REQUEST.pack(BLOCK_BYTES, blocks, 2048, frames, RETIRE_MS, 0, 0)
            self._socket.setsockopt(_SOL_PACKET, _RX_RING, asked)
            self._ring = mmap.mmap(self._socket.fileno(), BLOCK_BYTES * blocks)
        except OSError:
            self._socket.close()
            raise
        self._next = 0

    def read(self) -> Iterator[Caught]:
        """The packets of all blocks handed over so far; each block goes back when its packets were taken."""
        while True:
            block = self._next * BLOCK_BYTES
            status, count, first = _BLOCK.unpack_from(self._ring, block)
            if not status & _OURS:
                return
            yield from self._packets(block + first, count)
            struct.pack_into("=I", self._ring, block + 8, 0)
            self._next = (self._next + 1) % self._blocks

    def _packets(self, at: int, count: int) -> Iterator[Caught]:
        for _ in range(count):
            following, seconds, fraction, kept, length, _, _, net = _PACKET.unpack_from(self._ring, at)
            _, _, interface, _, kind = _LINK.unpack_from(self._ring, at + _LINK_AT)
            # Loopback shows each packet twice; what a bridge or switch shows of others is not this machine's.
            if kind != _OTHER_HOST and not (interface == _LOOPBACK and kind == _OUTGOING):
                yield Caught(seconds * 1_000_000_000 + fraction, self._ring[at + net : at + net + kept], length)
            at += following

    def lost(self) -> int:
        """Packets for which no block was free, since the last call."""
        return int(_COUNTS.unpack(self._socket.getsockopt(_SOL_PACKET, _STATISTICS, _COUNTS.size))[1])

    def close(self) -> None:
        self._ring.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
