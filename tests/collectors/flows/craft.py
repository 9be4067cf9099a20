"""`python -m tests.collectors.flows.craft FILE`: a capture of what real networks do, made by scapy.

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
    LLC,
    SCTP,
    SNAP,
    TCP,
    UDP,
    CookedLinux,
    Dot1AD,
    Dot1Q,
    Ether,
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    PPPoE,
    RadioTap,
    Raw,
    fragment,
    wrpcapng,
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


def _plain() -> list[Any]:
    return _dialogue(_ip, WHOLE)


def _ether() -> list[Any]:
    return [Ether(**ENDS) / packet for packet in _plain()]


def _big() -> list[Any]:
    return list(fragment(_ip(False) / UDP(sport=5000, dport=53) / Raw(b"z" * 3000), 1000))


STORIES: dict[str, Callable[[], list[Any]]] = {
    "vlan": lambda: [Ether(**ENDS) / Dot1Q(vlan=5) / packet for packet in _plain()],
    "qinq": lambda: [Ether(**ENDS) / Dot1AD(vlan=5) / Dot1Q(vlan=6) / packet for packet in _plain()],
    "mpls": lambda: [
        Ether(type=0x8847, **ENDS) / MPLS(label=16, s=0) / MPLS(label=17, s=1) / packet for packet in _plain()
    ],
    "mpls6": lambda: [Ether(type=0x8847, **ENDS) / MPLS(label=17, s=1) / packet for packet in _dialogue(_ip6, WHOLE)],
    "pppoe": lambda: [
        Ether(type=0x8864, **ENDS) / PPPoE(sessionid=1) / PPP(proto=0x21) / packet for packet in _plain()
    ],
    "ipv6": lambda: [Ether(**ENDS) / packet for packet in _dialogue(_ip6, WHOLE)],
    "ipv6_options": lambda: [
        Ether(**ENDS) / _ip6(False) / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / UDP(sport=1, dport=2) / Raw(b"x")
    ],
    "ipv6_fragments": lambda: [Ether(**ENDS) / packet for packet in _fragmented6(1800)],
    "fragments": lambda: [Ether(**ENDS) / packet for packet in _big()],
    "fragments_backwards": lambda: [Ether(**ENDS) / packet for packet in reversed(_big())],
    "padding": lambda: [Ether(bytes(Ether(**ENDS) / packet).ljust(60, b"\0")) for packet in _plain()],
    "retransmissions": lambda: [frame for frame in _ether() for _ in range(2)],
    "simultaneous_open": lambda: [
        Ether(**ENDS) / packet
        for packet in _dialogue(_ip, [(0, "S", 0), (1, "S", 0), (0, "SA", 0), (1, "SA", 0), *DATA])
    ],
    "simultaneous_close": lambda: [
        Ether(**ENDS) / packet
        for packet in _dialogue(_ip, [*OPEN, *DATA, (0, "FA", 0), (1, "FA", 0), (1, "A", 0), (0, "A", 0)])
    ],
    "port_reuse": lambda: [Ether(**ENDS) / p for seq in (1, 5_000_000) for p in _dialogue(_ip, WHOLE, seq=seq)],
    "port_reuse_without_end": lambda: [
        Ether(**ENDS) / p for seq in (1, 5_000_000) for p in _dialogue(_ip, OPEN + DATA, seq=seq)
    ],
    "reset": lambda: [Ether(**ENDS) / packet for packet in _dialogue(_ip, [*OPEN, *DATA, (1, "R", 0), (1, "R", 0)])],
    "refused": lambda: [Ether(**ENDS) / packet for packet in _dialogue(_ip, [(0, "S", 0), (1, "RA", 0)])],
    "half_open": lambda: [Ether(**ENDS) / packet for packet in _dialogue(_ip, [(0, "S", 0), (0, "S", 0), (0, "S", 0)])],
    "middle": lambda: [Ether(**ENDS) / packet for packet in _dialogue(_ip, DATA + CLOSE)],
    "one_direction": lambda: [Ether(**ENDS) / packet for packet in _dialogue(_ip, [step for step in WHOLE if step[0]])],
    "icmp": lambda: [
        Ether(**ENDS) / _ip(bool(n % 2)) / ICMP(type=0 if n % 2 else 8, id=9, seq=n // 2) for n in range(6)
    ],
    "unreachable": lambda: [
        Ether(**ENDS) / _ip(False) / UDP(sport=5000, dport=161) / Raw(b"q"),
        Ether(**ENDS) / _ip(True) / ICMP(type=3, code=3) / _ip(False) / UDP(sport=5000, dport=161) / Raw(b"q"),
    ],
    "icmp6": lambda: [Ether(**ENDS) / _ip6(False) / ICMPv6EchoRequest(id=3)],
    "sctp": lambda: [
        Ether(**ENDS) / _ip(bool(n % 2)) / SCTP(sport=[7, 9][n % 2], dport=[9, 7][n % 2]) for n in range(4)
    ],
    "gre": lambda: [
        Ether(**ENDS) / _ip(False) / GRE() / IP(src="203.0.113.1", dst="203.0.113.2") / UDP(sport=1, dport=2)
    ],
    "ip_in_ip": lambda: [Ether(**ENDS) / _ip(False) / IP(src="203.0.113.1", dst="203.0.113.2") / UDP(sport=1, dport=2)],
    "vxlan": lambda: [
        Ether(**ENDS) / _ip(False) / UDP(sport=9, dport=4789) / VXLAN(vni=5) / Ether(**ENDS) / packet
        for packet in _plain()
    ],
    "raw": _plain,
    "cooked": lambda: [CookedLinux(proto=0x0800) / packet for packet in _plain()],
    "wireless": lambda: [
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
        for packet in _plain()
    ],
}
"""The frames of each. A story's own addresses, by which they are told apart: see `main`."""


def main(path: str) -> None:
    """Story n (from 1) is told by 192.0.2.n or 2001:db8::n, in a section of its own."""
    global A, A6
    with Path(path).open("wb") as out:
        for n, story in enumerate(STORIES.values(), 1):
            A, A6 = f"192.0.2.{n}", f"2001:db8::{n:x}"
            frames = story()
            for number, frame in enumerate(frames):
                frame.time = 1_700_000_000 + 10 * n + number / 100
            wrpcapng(f"{path}.part", frames)
            out.write(Path(f"{path}.part").read_bytes())


if __name__ == "__main__":
    main(sys.argv[1])
