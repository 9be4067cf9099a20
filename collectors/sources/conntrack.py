"""The kernel's connection tracking over netlink: every flow of the machine with exact packets and bytes, no sniffing.

Attributes and states are those of <linux/netfilter/nfnetlink_conntrack.h> and <linux/netfilter/nf_conntrack_tcp.h>.
Tracking sleeps until collectors.sources.conntrack_wake has woken it.
"""

import socket
import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from collectors.sources.attribute_layout import Layout, Path
from collectors.sources.bpf import (
    ALL,
    ATTRIBUTE,
    ATTRIBUTE_NESTED,
    JUMP_EQUAL,
    JUMP_GREATER,
    JUMP_SET,
    LOAD8_AT_X,
    LOAD16,
    LOAD32,
    LOAD32_AT_X,
    LOAD_MEMORY,
    LOAD_NUMBER,
    RETURN,
    STORE,
    SUBTRACT_X,
    TO_X,
    X_NUMBER,
    Step,
)
from collectors.sources.netlink import ATTRIBUTE as ATTRIBUTE_HEADER
from collectors.sources.netlink import NETFILTER, TYPE_MASK, Netlink, attribute, listening

GROUP_UPDATE, GROUP_DESTROY = 2, 3
NEW, GET, DELETE = 0x100, 0x101, 0x102  # subsystem 1 (ctnetlink) in the high byte
RECEIVE_BUFFER = 64 << 20
"""The kernel gives up flows in a row, after a flood tens of thousands at once; memory is taken only then."""

TUPLE_ORIG, STATUS, PROTOINFO, TIMESTAMP, STATUS_MASK = 1, 3, 4, 20, 26
SEEN_REPLY, ASSURED = 0x2, 0x4
SYN_SENT, TIME_WAIT, CLOSE = 1, 7, 8

PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6", 132: "sctp"}
TCP = 6
GENERIC_HEADER = 4
NO_PORTS = bytes(4)

USUAL_KEEP = 26
"""Units of 2^32 ns: 112 s. The kernel keeps a closed flow for 120 s (TIME_WAIT), so one that it forgets sooner after
its beginning was thrown out: a new connection took its ports."""

ONLY_OVER = (
    Step(LOAD16, 4),  # nlmsg_type
    Step(STORE, 0),
    Step(LOAD_NUMBER, 20),  # behind nlmsghdr and nfgenmsg
    Step(X_NUMBER, PROTOINFO),
    Step(LOAD32, ATTRIBUTE),
    Step(JUMP_EQUAL, 0, "no state"),
    Step(X_NUMBER, 1),  # CTA_PROTOINFO_TCP
    Step(LOAD32, ATTRIBUTE_NESTED),
    Step(JUMP_EQUAL, 0, "no state"),
    Step(X_NUMBER, 1),  # CTA_PROTOINFO_TCP_STATE
    Step(LOAD32, ATTRIBUTE_NESTED),
    Step(JUMP_EQUAL, 0, "no state"),
    Step(TO_X),
    Step(LOAD8_AT_X, 4),
    Step(JUMP_EQUAL, TIME_WAIT, "over"),
    Step(JUMP_EQUAL, CLOSE, "over"),
    Step(LOAD_MEMORY, 0, label="no state"),
    Step(JUMP_EQUAL, socket.htons(DELETE), "keep", "drop"),
    Step(LOAD_MEMORY, 0, label="over"),
    Step(JUMP_EQUAL, socket.htons(DELETE), "", "keep"),
    Step(LOAD_NUMBER, 20),
    Step(X_NUMBER, STATUS),
    Step(LOAD32, ATTRIBUTE),
    Step(JUMP_EQUAL, 0, "keep"),
    Step(TO_X),
    Step(LOAD32_AT_X, 4),
    Step(JUMP_SET, SEEN_REPLY, "", "keep"),  # an opening that a RST refused: the kernel forgets it at once
    Step(LOAD_NUMBER, 20),
    Step(X_NUMBER, TIMESTAMP),
    Step(LOAD32, ATTRIBUTE),
    Step(JUMP_EQUAL, 0, "drop"),
    Step(STORE, 1),
    Step(X_NUMBER, 1),  # CTA_TIMESTAMP_START
    Step(LOAD32, ATTRIBUTE_NESTED),
    Step(JUMP_EQUAL, 0, "drop"),
    Step(TO_X),
    Step(LOAD32_AT_X, 4),  # its high half
    Step(STORE, 2),
    Step(LOAD_MEMORY, 1),
    Step(X_NUMBER, 2),  # CTA_TIMESTAMP_STOP
    Step(LOAD32, ATTRIBUTE_NESTED),
    Step(JUMP_EQUAL, 0, "drop"),
    Step(TO_X),
    Step(LOAD32_AT_X, 4),
    Step(STORE, 3),
    Step(LOAD_MEMORY, 2),
    Step(TO_X),
    Step(LOAD_MEMORY, 3),
    Step(SUBTRACT_X),
    Step(JUMP_GREATER, USUAL_KEEP, "drop"),
    Step(RETURN, ALL, label="keep"),
    Step(RETURN, 0, label="drop"),
)
"""Of changes only a TCP flow's last FIN or RST; of ends only those that no such change told before, and those that may
come before the flow's counters were asked for."""


class Entry(NamedTuple):
    """One tracked flow as the kernel tells it.

    Addresses and `ports` (4 bytes) are in network order, times nanoseconds since 1970 (0 = not told), Out = from the
    initiator; `state` is the TCP state (0 for others), `left` the seconds until the kernel forgets the flow. The kernel
    gives an `id` again as soon as it is free, at once where the same ports are used again.
    """

    id: int
    family: int
    protocol: int
    source: bytes
    destination: bytes
    ports: bytes
    status: int
    state: int
    left: int
    packets_out: int
    bytes_out: int
    packets_in: int
    bytes_in: int
    start: int
    stop: int

    @property
    def over(self) -> bool:
        """TCP that was closed or reset, though the kernel still keeps it for stray packets."""
        return self.protocol == TCP and self.state in (TIME_WAIT, CLOSE)

    @property
    def told_before(self) -> bool:
        """The end of a flow whose last FIN or RST was told as a change (ONLY_OVER)."""
        return self.over and bool(self.status & SEEN_REPLY)


_entry = partial(tuple.__new__, Entry)
"""Takes the fields as one tuple: a third of the time of `Entry(...)`, and there is one a flow."""

_PROTOCOL, _STATE = (1, 2, 1), (4, 1, 1)
_NESTS: frozenset[Path] = frozenset({(1,), (1, 1), (1, 2), (4,), (4, 1), (9,), (10,), (20,)})
_IPV4: dict[Path, str] = {(1, 1, 1): "4s", (1, 1, 2): "4s"}
_IPV6: dict[Path, str] = {(1, 1, 3): "16s", (1, 1, 4): "16s"}
_REST: dict[Path, str] = {
    _PROTOCOL: "B", (1, 2, 2): "2s", (1, 2, 3): "2s", (3,): "I", _STATE: "B", (7,): "I",
    (9, 1): "Q", (9, 2): "Q", (10, 1): "Q", (10, 2): "Q", (12,): "I", (20, 1): "Q", (20, 2): "Q",
}  # fmt: skip
_WANTED: dict[int, dict[Path, str]] = {
    int(family): {**ends, **_REST} for family, ends in ((socket.AF_INET, _IPV4), (socket.AF_INET6, _IPV6))
}
_LAYOUTS_AT_MOST = 64


class Reader:
    """Messages' bodies → entries. Keeps the layouts it has met, by family and length."""

    def __init__(self) -> None:
        self._layouts: dict[tuple[int, int], Layout] = {}

    def entry(self, body: bytes) -> Entry | None:
        """None when the message names no addresses, or neither IPv4 nor IPv6."""
        if (layout := self._layout(body)) is None:
            return None
        source, destination, protocol, near, far, *rest, number, start, stop = layout.values(body)
        if not source or not destination or _PROTOCOL not in layout.values_at:
            return None
        ports = near + far if near and far else NO_PORTS
        return _entry((number, body[0], protocol, source, destination, ports, *rest, start, stop))

    def is_over(self, body: bytes) -> bool:
        """`Entry.over` of the message's entry, without reading the rest: most of a long table is over."""
        if (layout := self._layout(body)) is None:
            return False
        protocol_at, state_at = layout.values_at.get(_PROTOCOL, 0), layout.values_at.get(_STATE, 0)
        over = state_at and body[state_at] in (TIME_WAIT, CLOSE)
        return bool(over and protocol_at and body[protocol_at] == TCP)

    def _layout(self, body: bytes) -> Layout | None:
        if len(body) < GENERIC_HEADER:
            return None
        kind = body[0], len(body)
        layout = self._layouts.get(kind)
        if layout is None or not layout.is_of(body):
            if (wanted := _WANTED.get(body[0])) is None:
                return None
            if len(self._layouts) >= _LAYOUTS_AT_MOST:
                self._layouts.clear()
            layout = self._layouts[kind] = Layout(body, GENERIC_HEADER, _NESTS, wanted)
        return layout


def listen() -> Netlink:
    """A socket that hears of each flow once, when it is over: TCP at its last FIN or RST, the rest when the kernel
    gives them up. Raises OSError without CAP_NET_ADMIN or in an old kernel."""
    return listening(NETFILTER, (GROUP_UPDATE, GROUP_DESTROY), ONLY_OVER, receive_buffer=RECEIVE_BUFFER)


def now(ask: Netlink, reader: Reader, *, unanswered: bool = False) -> Iterator[Entry]:
    """All flows of the table, or those without an answer (older kernels give all). Raises OSError."""
    return filter(None, map(reader.entry, _dumped(ask, unanswered=unanswered)))


def still_open(ask: Netlink, reader: Reader) -> Iterator[Entry]:
    """The flows of the table that are not over. Raises OSError."""
    return filter(None, (reader.entry(body) for body in _dumped(ask) if not reader.is_over(body)))


def _dumped(ask: Netlink, *, unanswered: bool = False) -> Iterator[bytes]:
    body = struct.pack("=BBH", 0, 0, 0)
    if unanswered:
        body += attribute(STATUS, _be(0)) + attribute(STATUS_MASK, _be(SEEN_REPLY))
    return (answer.body for answer in ask.dump(GET, body))


def question(body: bytes) -> bytes:
    """What asks for the flow that a message is about: its beginning, for that holds the flow's name."""
    length, kind = ATTRIBUTE_HEADER.unpack_from(body, GENERIC_HEADER)
    if kind & TYPE_MASK != TUPLE_ORIG:  # the kernel has put it first ever since there is ctnetlink
        raise ValueError("a message about a flow that does not begin with its name")
    return body[: GENERIC_HEADER + length]


def counted(ask: Netlink, reader: Reader, questions: Sequence[bytes]) -> Iterator[tuple[bytes, Entry]]:
    """Each question with the flow that now has the addresses and ports asked for, and its counters: the one that was
    meant or, where the ports were used again, another; without those that have gone. Raises OSError."""
    for answer in ask.ask_each(GET, questions):
        if (found := reader.entry(answer.body)) is not None:
            yield question(answer.body), found


@lru_cache(4096)
def address_text(packed: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def _be(number: int) -> bytes:
    return struct.pack(">I", number)
