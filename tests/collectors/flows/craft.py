"""`python -m tests.collectors.flows.craft FOLDER`: captures of what real networks do, made by scapy.

Run in a process of its own: scapy is GPL-2.0 and is never loaded beside Jikimi's code.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scapy.all import (
    GRE,
    ICMP,
    IP,
    SCTP,
    TCP,
    UDP,
    CookedLinux,
    Dot1AD,
    Dot1Q,
    Ether,
    ICMPv6EchoRequest,
    IPv6,
    LLC,
    SNAP,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    PPPoE,
    Raw,
    RadioTap,
    fragment,
    wrpcap,
)
from scapy.contrib.mpls import MPLS
from scapy.layers.dot11 import Dot11
from scapy.layers.ppp import PPP
from scapy.layers.vxlan import VXLAN

ENDS = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}  # said, or scapy would ask the network for them
A, B = "192.0.2.10", "198.51.100.20"
A6, B6 = "2001:db8::10", "2001:db8::20"


def _ip(back: bool) -> Any:
    return IP(src=B, dst=A) if back else IP(src=A, dst=B)


def _ip6(back: bool) -> Any:
    return IPv6(src=B6, dst=A6) if back else IPv6(src=A6, dst=B6)


def _dialogue(
    ip: Callable[[bool], Any], steps: list[tuple[int, str, int]], port: int = 40000, seq: int = 1
) -> list[Any]:
    """(from the answering side, flags, payload bytes) a step."""
    made = []
    for back, flags, size in steps:
        ports = {"sport": 443, "dport": port} if back else {"sport": port, "dport": 443}
        made.append(ip(bool(back)) / TCP(**ports, flags=flags, seq=seq + (back << 20)) / Raw(b"x" * size))
        seq += 0 if "S" in flags else size
    return made


OPEN = [(0, "S", 0), (1, "SA", 0), (0, "A", 0)]
DATA = [(0, "PA", 100), (1, "A", 0), (1, "PA", 1400), (1, "PA", 900), (0, "A", 0)]
CLOSE = [(0, "FA", 0), (1, "FA", 0), (0, "A", 0)]
WHOLE = OPEN + DATA + CLOSE


def _fragmented6(size: int) -> list[Any]:
    """A UDP packet over IPv6 in fragments, with destination options behind the fragment header."""
    body = bytes(IPv6ExtHdrDestOpt(nh=17) / UDP(sport=5000, dport=53, len=8 + size, chksum=1) / Raw(b"y" * size))
    pieces = [body[at : at + 512] for at in range(0, len(body), 512)]
    return [
        _ip6(False) / IPv6ExtHdrFragment(nh=60, id=77, offset=n * 64, m=int(n + 1 < len(pieces))) / Raw(piece)
        for n, piece in enumerate(pieces)
    ]


def captures() -> dict[str, list[Any]]:
    """By name, the frames of each."""
    ether = [Ether(**ENDS) / packet for packet in _dialogue(_ip, WHOLE)]
    plain = _dialogue(_ip, WHOLE)
    big = fragment(_ip(False) / UDP(sport=5000, dport=53) / Raw(b"z" * 3000), 1000)
    return {
        "vlan": [Ether(**ENDS) / Dot1Q(vlan=5) / packet for packet in plain],
        "qinq": [Ether(**ENDS) / Dot1AD(vlan=5) / Dot1Q(vlan=6) / packet for packet in plain],
        "mpls": [Ether(type=0x8847, **ENDS) / MPLS(label=16, s=0) / MPLS(label=17, s=1) / packet for packet in plain],
        "mpls6": [Ether(type=0x8847, **ENDS) / MPLS(label=17, s=1) / packet for packet in _dialogue(_ip6, WHOLE)],
        "pppoe": [Ether(type=0x8864, **ENDS) / PPPoE(sessionid=1) / PPP(proto=0x21) / packet for packet in plain],
        "ipv6": [Ether(**ENDS) / packet for packet in _dialogue(_ip6, WHOLE)],
        "ipv6_options": [
            Ether(**ENDS) / _ip6(False) / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / UDP(sport=1, dport=2) / Raw(b"x")
        ],
        "ipv6_fragments": [Ether(**ENDS) / packet for packet in _fragmented6(1800)],
        "fragments": [Ether(**ENDS) / packet for packet in big],
        "fragments_backwards": [Ether(**ENDS) / packet for packet in reversed(big)],
        "padding": [Ether(bytes(Ether(**ENDS) / packet).ljust(60, b"\0")) for packet in plain],
        "retransmissions": [frame for frame in ether for _ in range(2)],
        "simultaneous_open": [
            Ether(**ENDS) / packet
            for packet in _dialogue(_ip, [(0, "S", 0), (1, "S", 0), (0, "SA", 0), (1, "SA", 0), *DATA])
        ],
        "simultaneous_close": [
            Ether(**ENDS) / packet
            for packet in _dialogue(_ip, [*OPEN, *DATA, (0, "FA", 0), (1, "FA", 0), (1, "A", 0), (0, "A", 0)])
        ],
        "port_reuse": [Ether(**ENDS) / p for seq in (1, 5_000_000) for p in _dialogue(_ip, WHOLE, seq=seq)],
        "port_reuse_without_end": [
            Ether(**ENDS) / p for seq in (1, 5_000_000) for p in _dialogue(_ip, OPEN + DATA, seq=seq)
        ],
        "reset": [Ether(**ENDS) / packet for packet in _dialogue(_ip, [*OPEN, *DATA, (1, "R", 0), (1, "R", 0)])],
        "refused": [Ether(**ENDS) / packet for packet in _dialogue(_ip, [(0, "S", 0), (1, "RA", 0)])],
        "half_open": [Ether(**ENDS) / packet for packet in _dialogue(_ip, [(0, "S", 0), (0, "S", 0), (0, "S", 0)])],
        "middle": [Ether(**ENDS) / packet for packet in _dialogue(_ip, DATA + CLOSE)],
        "one_direction": [Ether(**ENDS) / packet for packet in _dialogue(_ip, [step for step in WHOLE if step[0]])],
        "icmp": [Ether(**ENDS) / _ip(bool(n % 2)) / ICMP(type=0 if n % 2 else 8, id=9, seq=n // 2) for n in range(6)],
        "unreachable": [
            Ether(**ENDS) / _ip(False) / UDP(sport=5000, dport=161) / Raw(b"q"),
            Ether(**ENDS) / _ip(True) / ICMP(type=3, code=3) / _ip(False) / UDP(sport=5000, dport=161) / Raw(b"q"),
        ],
        "icmp6": [Ether(**ENDS) / _ip6(False) / ICMPv6EchoRequest(id=3)],
        "sctp": [Ether(**ENDS) / _ip(bool(n % 2)) / SCTP(sport=[7, 9][n % 2], dport=[9, 7][n % 2]) for n in range(4)],
        "gre": [Ether(**ENDS) / _ip(False) / GRE() / IP(src="203.0.113.1", dst="203.0.113.2") / UDP(sport=1, dport=2)],
        "ip_in_ip": [Ether(**ENDS) / _ip(False) / IP(src="203.0.113.1", dst="203.0.113.2") / UDP(sport=1, dport=2)],
        "vxlan": [
            Ether(**ENDS) / _ip(False) / UDP(sport=9, dport=4789) / VXLAN(vni=5) / Ether(**ENDS) / packet
            for packet in plain
        ],
        "raw": plain,
        "cooked": [CookedLinux(proto=0x0800) / packet for packet in plain],
        "wireless": [
            RadioTap()
            / Dot11(
                type=2,
                subtype=0,
                FCfield=1,
                addr1="02:00:00:00:00:02",
                addr2="02:00:00:00:00:01",
                addr3="02:00:00:00:00:02",
            )
            / LLC(dsap=0xAA, ssap=0xAA, ctrl=3)
            / SNAP()
            / packet
            for packet in plain
        ],
    }


if __name__ == "__main__":
    for name, frames in captures().items():
        for number, frame in enumerate(frames):
            frame.time = 1_700_000_000 + number / 100
        wrpcap(str(Path(sys.argv[1]) / f"{name}.pcap"), frames)
