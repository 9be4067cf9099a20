"""Makes the kernel track connections, with byte counters and times.

Tracking sleeps in a network namespace until an nftables rule mentions `ct`; `wake` adds one that touches no packet, in
a table that the kernel removes by itself when our socket closes (NFT_TABLE_F_OWNER, Linux 5.12).
"""

import socket
import struct
from pathlib import Path

from collectors.sources.netlink import ACK, CREATE, NETFILTER, REQUEST, Netlink, attribute, message, nested

SYSCTL = Path("/proc/sys/net/netfilter")

_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NFT_NEWTABLE, _NFT_NEWCHAIN, _NFT_NEWRULE = 0xA00, 0xA03, 0xA06
_INET = 1
_OWNER = 2


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
