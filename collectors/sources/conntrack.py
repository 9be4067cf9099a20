"""The kernel's connection tracking over netlink: every flow of the machine with exact packets and bytes, no sniffing.

Attributes and states are those of <linux/netfilter/nfnetlink_conntrack.h> and <linux/netfilter/nf_conntrack_tcp.h>.
Tracking sleeps in a network namespace until an nftables rule mentions `ct`; `wake` adds one that touches no packet, in
a table that the kernel removes by itself when our socket closes (NFT_TABLE_F_OWNER, Linux 5.12).
"""

import socket
import struct
from pathlib import Path
from typing import NamedTuple

from collectors.sources.netlink import (
    ACK,
    CREATE,
    DUMP,
    NETFILTER,
    REQUEST,
    Message,
    Netlink,
    attribute,
    attributes,
    message,
    nested,
)

GROUP_NEW, GROUP_UPDATE, GROUP_DESTROY = 1, 2, 3
NEW, GET, DELETE = 0x100, 0x101, 0x102  # subsystem 1 (ctnetlink) in the high byte
RECEIVE_BUFFER = 8 << 20

TUPLE_ORIG, STATUS, PROTOINFO, COUNTERS_ORIG, COUNTERS_REPLY, ID, TIMESTAMP = 1, 3, 4, 9, 10, 12, 20
SEEN_REPLY, ASSURED = 0x2, 0x4
SYN_SENT, TIME_WAIT, CLOSE = 1, 7, 8

PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6", 132: "sctp"}
TCP = 6
GENERIC_HEADER = 4
SYSCTL = Path("/proc/sys/net/netfilter")

_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NFT_NEWTABLE, _NFT_NEWCHAIN, _NFT_NEWRULE = 0xA00, 0xA03, 0xA06
_INET = 1
_OWNER = 2


class Entry(NamedTuple):
    """One tracked flow as the kernel tells it.

    Times are nanoseconds since 1970 (0 = not told), Out = from the initiator;
    `state` is the TCP state (0 for others); `tuple_raw` names the flow in a request.
    """

    id: int
    family: int
    protocol: int
    source: str
    source_port: int
    destination: str
    destination_port: int
    status: int
    state: int
    packets_out: int
    bytes_out: int
    packets_in: int
    bytes_in: int
    start: int
    stop: int
    tuple_raw: bytes

    @property
    def over(self) -> bool:
        """TCP that was closed or reset, though the kernel still keeps it for stray packets."""
        return self.protocol == TCP and self.state in (TIME_WAIT, CLOSE)


def tcp_state(body: bytes) -> int:
    """Only the TCP state of a message, 0 when it tells none."""
    return _state(attributes(body, GENERIC_HEADER))


def _state(told: dict[int, bytes]) -> int:
    tcp = attributes(told.get(PROTOINFO, b"")).get(1, b"")
    return (attributes(tcp).get(1) or b"\0")[0]


def entry(body: bytes) -> Entry | None:
    """From a message's body; None when it names no addresses."""
    told = attributes(body, GENERIC_HEADER)
    raw = told.get(TUPLE_ORIG, b"")
    parts = attributes(raw)
    addresses, proto = attributes(parts.get(1, b"")), attributes(parts.get(2, b""))
    family = body[0]
    if family == socket.AF_INET:
        source, destination = addresses.get(1), addresses.get(2)
    else:
        source, destination = addresses.get(3), addresses.get(4)
    if not source or not destination or 1 not in proto:
        return None
    packets_out, bytes_out = _counters(told.get(COUNTERS_ORIG))
    packets_in, bytes_in = _counters(told.get(COUNTERS_REPLY))
    times = attributes(told.get(TIMESTAMP, b""))
    return Entry(
        _number(told.get(ID)),
        family,
        proto[1][0],
        socket.inet_ntop(family, source),
        _number(proto.get(2)),
        socket.inet_ntop(family, destination),
        _number(proto.get(3)),
        _number(told.get(STATUS)),
        _state(told),
        packets_out,
        bytes_out,
        packets_in,
        bytes_in,
        _number(times.get(1)),
        _number(times.get(2)),
        raw,
    )


def _counters(raw: bytes | None) -> tuple[int, int]:
    told = attributes(raw or b"")
    return _number(told.get(1)), _number(told.get(2))


def _number(raw: bytes | None) -> int:
    return int.from_bytes(raw or b"", "big")


def listen() -> Netlink:
    """A socket that hears new, changed and ended flows. Raises OSError without CAP_NET_ADMIN or in an old kernel."""
    events = Netlink(NETFILTER, receive_buffer=RECEIVE_BUFFER)
    try:
        for group in (GROUP_NEW, GROUP_UPDATE, GROUP_DESTROY):
            events.join(group)
    except OSError:
        events.close()
        raise
    return events


def now(ask: Netlink, known: Entry | None = None) -> list[Entry]:
    """All flows of the table, or `known` as it is now ([] when it has gone). Raises OSError."""
    if known is None:
        answers = ask.ask(GET, struct.pack("=BBH", 0, 0, 0), DUMP)
    else:
        body = struct.pack("=BBH", known.family, 0, 0) + attribute(TUPLE_ORIG | 0x8000, known.tuple_raw)
        try:
            answers = ask.ask(GET, body)
        except FileNotFoundError:
            return []
    return [found for answer in answers if (found := entry(answer.body)) is not None]


def ended(event: Message) -> bool:
    return event.kind == DELETE


def switch_on(folder: Path = SYSCTL) -> str:
    """Byte counters and times on; what could not be had, in words ("" = all)."""
    missing = []
    for name, words in (("nf_conntrack_acct", "byte counts"), ("nf_conntrack_timestamp", "start times")):
        try:
            if (folder / name).read_text().strip() != "1":
                (folder / name).write_text("1")
        except OSError:
            missing.append(words)
    return f"connection tracking gives no {' and no '.join(missing)}" if missing else ""


def wake(name: str = "jikimi-agent") -> Netlink:
    """Make the kernel track flows here for as long as the returned socket is open. Raises OSError."""
    owner = Netlink(NETFILTER)
    table, chain = attribute(1, name.encode() + b"\0"), b"watch\0"
    load_state = nested(1, attribute(1, b"ct\0"), nested(2, attribute(1, _be(1)), attribute(2, _be(0))))
    requests = [
        (_NFT_NEWTABLE, table + attribute(2, _be(_OWNER))),
        (_NFT_NEWCHAIN, table + attribute(3, chain)),
        (_NFT_NEWRULE, table + attribute(2, chain) + nested(4, load_state)),
    ]
    batch = message(_BATCH_BEGIN, REQUEST, 1, struct.pack("=BBH", 0, 0, socket.htons(10)))
    for sequence, (kind, body) in enumerate(requests, 2):
        batch += message(kind, REQUEST | CREATE | ACK, sequence, struct.pack("=BBH", _INET, 0, 0) + body)
    last = len(requests) + 1
    batch += message(_BATCH_END, REQUEST, last + 1, struct.pack("=BBH", 0, 0, socket.htons(10)))
    try:
        owner.send(batch)
        owner.acknowledged(last)
    except OSError:
        owner.close()
        raise
    return owner


def _be(number: int) -> bytes:
    return struct.pack(">I", number)
