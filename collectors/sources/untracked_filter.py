"""The kernel's filter for TCP packets that connection tracking takes no account of, without link header: IP is at 0.

Tracking knows nine combinations of flags (`tcp_valid_flags` of the kernel's nf_conntrack_proto_tcp.c); packets with
others, as stealthy port scans send them, are in no connection, nor are the RSTs that answer them.
"""

from collectors.flows.packet import ACK, FIN, SYN, TCP
from collectors.sources.bpf import AND, JUMP_EQUAL, LOAD8_AT_X, RETURN, TO_PROTOCOL, Step

_URG = 0x20
_JUDGED = 0x37
"""FIN, SYN, RST, ACK, URG."""
_TRACKED = (SYN, SYN | _URG, SYN | ACK, FIN | ACK, FIN | ACK | _URG, ACK, ACK | _URG)


def untracked(snap: int) -> tuple[Step, ...]:
    """Odd TCP packets and every RST, the first `snap` bytes of them."""
    return (
        *TO_PROTOCOL,
        Step(JUMP_EQUAL, TCP, "", "drop", label="protocol"),
        Step(LOAD8_AT_X, 13),
        Step(AND, _JUDGED),
        *(Step(JUMP_EQUAL, flags, "drop") for flags in _TRACKED),
        Step(RETURN, snap),
        Step(RETURN, 0, label="drop"),
    )
