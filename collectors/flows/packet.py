"""One captured frame → the addresses, ports and lengths a flow needs; plain struct, no state, never an exception.

The outermost IP packet counts: what a tunnel carries (GRE, IP in IP, VXLAN, Teredo) is its payload.
Sources: RFC 791, 8200 (IP), 9293 (TCP), 768 (UDP), 9260 (SCTP), 792, 4443 (ICMP).
"""

import enum
import struct
from typing import NamedTuple

from collectors.flows.link import IPV4, LINKS

TCP, UDP, ICMP, ICMP6, DCCP, SCTP, UDP_LITE = 6, 17, 1, 58, 33, 132, 136
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10

RAW = 101
"""LINKTYPE_RAW: the frame is an IP packet."""

WITH_PORTS = {TCP, UDP, DCCP, SCTP, UDP_LITE}
_EXTENSIONS = {0, 43, 60, 135, 139, 140}
_FRAGMENT, _AUTHENTICATION = 44, 51
_HEADERS_AT_MOST = 32

_u16 = struct.Struct(">H").unpack_from
_ports = struct.Struct(">HH").unpack_from
_tcp = struct.Struct(">HHI4xBB").unpack_from
_ipv4 = struct.Struct(">BxHHHxBxx4s4s").unpack_from
_ipv6 = struct.Struct(">IHBx16s16s").unpack_from


class Undecoded(enum.Enum):
    NOT_IP = "not IP"
    MALFORMED = "cut short or malformed"
    UNKNOWN_LINK = "link type not known"


class Packet(NamedTuple):
    """`length` counts from the IP header on, as the header states it. Ports are 0 where the protocol has none or where
    the frame was cut before them.

    ICMP: `source_port` is the echo identifier (0 for others), `destination_port` is type << 8 | code.
    A fragment other than the first has no ports. `payload` is where TCP's or UDP's (or ICMP's
    embedded packet's) bytes begin in the frame.
    """

    source: bytes
    destination: bytes
    protocol: int
    source_port: int
    destination_port: int
    flags: int
    length: int
    payload: int
    fragment: int | None = None
    """With source and destination the name of the packet that this is a fragment of (IPv4: also its protocol)."""
    first: bool = True
    """False for a fragment that is not the first."""
    sequence: int = 0
    """TCP's sequence number."""
    vlans: tuple[int, ...] = ()
    """The outermost first."""


def decode(link: int, frame: bytes, size: int = 0) -> Packet | Undecoded:
    """The IP packet in `frame` of link type `link` (LINKTYPE_ number); `size` is the frame's length on the wire."""
    find = LINKS.get(link)
    if find is None:
        return Undecoded.UNKNOWN_LINK
    try:
        place = find(frame)
        if place is None:
            return Undecoded.NOT_IP
        kind, offset, vlans = place
        from_ip = _from_ipv4 if kind == IPV4 else _from_ipv6
        return from_ip(frame, offset, max(size, len(frame)), vlans)
    except (struct.error, IndexError):
        return Undecoded.MALFORMED


def _from_ipv4(frame: bytes, offset: int, size: int, vlans: tuple[int, ...]) -> Packet | Undecoded:
    head, length, identification, fragmented, protocol, source, destination = _ipv4(frame, offset)
    words = (head & 15) * 4
    if head >> 4 != 4 or words < 20:
        return Undecoded.MALFORMED
    if length < words:
        length = size - offset  # 0: the sender's network card cuts the segment (TSO)
    fragment = identification << 8 | protocol if fragmented & 0x3FFF else None
    if fragmented & 0x1FFF:
        return Packet(source, destination, protocol, 0, 0, 0, length, offset + words, fragment, False, 0, vlans)
    return _transport(frame, offset + words, source, destination, protocol, length, fragment, vlans)


def _from_ipv6(frame: bytes, offset: int, size: int, vlans: tuple[int, ...]) -> Packet | Undecoded:
    head, length, protocol, source, destination = _ipv6(frame, offset)
    if head >> 28 != 6:
        return Undecoded.MALFORMED
    length = length + 40 if length else size - offset  # 0: jumbogram or TSO
    protocol, offset, fragment, first = _behind_extensions(frame, protocol, offset + 40)
    if not first:
        return Packet(source, destination, protocol, 0, 0, 0, length, offset, fragment, False, 0, vlans)
    return _transport(frame, offset, source, destination, protocol, length, fragment, vlans)


def _behind_extensions(frame: bytes, protocol: int, offset: int) -> tuple[int, int, int | None, bool]:
    """(protocol, its offset, fragment, first) behind the extension headers, as far as the frame holds them."""
    fragment, first = None, True
    try:
        for _ in range(_HEADERS_AT_MOST):
            if protocol in _EXTENSIONS:
                protocol, offset = frame[offset], offset + 8 + frame[offset + 1] * 8
            elif protocol == _AUTHENTICATION:
                protocol, offset = frame[offset], offset + 8 + frame[offset + 1] * 4
            elif protocol == _FRAGMENT:
                placed = _u16(frame, offset + 2)[0]
                if placed & 0xFFF9:  # an atomic fragment (RFC 6946) is whole
                    fragment, first = int.from_bytes(frame[offset + 4 : offset + 8]), not placed & 0xFFF8
                protocol, offset = frame[offset], offset + 8
                if not first:
                    break
            else:
                break
    except (struct.error, IndexError):
        pass
    return protocol, offset, fragment, first


def _transport(
    frame: bytes,
    at: int,
    source: bytes,
    destination: bytes,
    protocol: int,
    length: int,
    fragment: int | None,
    vlans: tuple[int, ...],
) -> Packet:
    """A packet, or its first fragment, with ports and flags as far as the frame holds them."""
    here = there = flags = sequence = 0
    left = len(frame) - at
    if protocol == TCP and left >= 14:
        here, there, sequence, words, flags = _tcp(frame, at)
        at += (words >> 4) * 4
    elif protocol in WITH_PORTS and left >= 4:
        here, there = _ports(frame, at)
        at += 8
    elif protocol in (ICMP, ICMP6) and left >= 2:
        there = _u16(frame, at)[0]
        if there >> 8 in ((8, 0) if protocol == ICMP else (128, 129)) and left >= 6:
            here = _u16(frame, at + 4)[0]
        at += 8
    return Packet(source, destination, protocol, here, there, flags, length, at, fragment, True, sequence, vlans)


def embedded(packet: Packet, frame: bytes) -> Packet | None:
    """The packet an ICMP "destination unreachable" speaks of, as far as it is quoted; else None."""
    if packet.destination_port >> 8 != (3 if packet.protocol == ICMP else 1):
        return None
    inner = decode(RAW, frame[packet.payload :])
    return inner if isinstance(inner, Packet) else None
