"""One captured frame → the addresses, ports and lengths a flow needs; plain struct, no state, never an exception.

Sources: RFC 791, 8200 (IP), 9293 (TCP), 3032 (MPLS), 2516 (PPPoE), IEEE 802.1Q; link types as tcpdump.org lists them.
"""

import enum
import struct
from typing import NamedTuple

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10

_IPV4, _IPV6 = 0x0800, 0x86DD
_VLAN = {0x8100, 0x88A8, 0x9100, 0x9200}
_MPLS = {0x8847, 0x8848}
_PPPOE = 0x8864
_EXTENSIONS = {0, 43, 60, 135, 139, 140}
_FRAGMENT, _AUTHENTICATION = 44, 51
_HEADERS_AT_MOST = 32

_u16 = struct.Struct(">H").unpack_from
_ports = struct.Struct(">HH").unpack_from
_ipv4 = struct.Struct(">BxHHHxBxx4s4s").unpack_from
_ipv6 = struct.Struct(">IHBx16s16s").unpack_from


class Undecoded(enum.Enum):
    NOT_IP = "not IP"
    MALFORMED = "cut short or malformed"
    UNKNOWN_LINK = "link type not known"


class Packet(NamedTuple):
    """`length` counts from the IP header on, as the header states it. Ports are 0 where the protocol has none.

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
    """Identification, when the packet is a fragment."""
    first: bool = True
    """False for a fragment that is not the first."""


def decode(link: int, frame: bytes) -> Packet | Undecoded:
    """The IP packet in `frame` of link type `link` (LINKTYPE_ number)."""
    try:
        found = _network(link, frame)
        if isinstance(found, Undecoded):
            return found
        kind, offset = found
        if kind == _IPV4:
            return _from_ipv4(frame, offset)
        if kind == _IPV6:
            return _from_ipv6(frame, offset)
    except (struct.error, IndexError):
        return Undecoded.MALFORMED
    return Undecoded.NOT_IP


def _network(link: int, frame: bytes) -> tuple[int, int] | Undecoded:
    """(EtherType, offset of the network header)."""
    if link == 1:
        return _inside(frame, _u16(frame, 12)[0], 14)
    if link in (101, 12, 14, 228, 229):
        return _by_version(frame, 0)
    if link == 113:  # Linux cooked v1
        return _inside(frame, _u16(frame, 14)[0], 16)
    if link == 276:  # Linux cooked v2
        return _inside(frame, _u16(frame, 0)[0], 20)
    if link in (0, 108):  # BSD loopback: 4 bytes of address family, whose numbers differ by system
        return _by_version(frame, 4)
    if link in (9, 50):  # PPP, with or without address and control bytes
        return _ppp(frame, 2 if frame[:2] == b"\xff\x03" else 0)
    if link == 51:
        return _ppp(frame, 6)
    return Undecoded.UNKNOWN_LINK


def _inside(frame: bytes, kind: int, offset: int) -> tuple[int, int] | Undecoded:
    """Behind VLAN tags, MPLS labels, PPPoE and LLC/SNAP."""
    for _ in range(_HEADERS_AT_MOST):
        if kind in (_IPV4, _IPV6):
            return kind, offset
        if kind in _VLAN:
            kind, offset = _u16(frame, offset + 2)[0], offset + 4
        elif kind in _MPLS:
            bottom = frame[offset + 2] & 1
            offset += 4
            if bottom:
                return _by_version(frame, offset)
        elif kind == _PPPOE:
            return _ppp(frame, offset + 6)
        elif kind < 0x0600 and frame[offset : offset + 3] == b"\xaa\xaa\x03":
            kind, offset = _u16(frame, offset + 6)[0], offset + 8
        else:
            return Undecoded.NOT_IP
    return Undecoded.MALFORMED


def _ppp(frame: bytes, offset: int) -> tuple[int, int] | Undecoded:
    kind = {0x0021: _IPV4, 0x0057: _IPV6}.get(_u16(frame, offset)[0])
    return Undecoded.NOT_IP if kind is None else (kind, offset + 2)


def _by_version(frame: bytes, offset: int) -> tuple[int, int] | Undecoded:
    version = frame[offset] >> 4
    return (_IPV4 if version == 4 else _IPV6, offset) if version in (4, 6) else Undecoded.NOT_IP


def _from_ipv4(frame: bytes, offset: int) -> Packet | Undecoded:
    head, length, identification, fragmented, protocol, source, destination = _ipv4(frame, offset)
    size = (head & 15) * 4
    if head >> 4 != 4 or size < 20 or len(frame) < offset + size:
        return Undecoded.MALFORMED
    if length < size:
        length = len(frame) - offset  # 0: the sender's network card cuts the segment (TSO)
    fragment = identification if fragmented & 0x3FFF else None
    addresses = (source, destination)
    return _transport(frame, offset + size, addresses, protocol, length, fragment, first=not fragmented & 0x1FFF)


def _from_ipv6(frame: bytes, offset: int) -> Packet | Undecoded:
    head, length, protocol, source, destination = _ipv6(frame, offset)
    if head >> 28 != 6:
        return Undecoded.MALFORMED
    length = length + 40 if length else len(frame) - offset  # 0: jumbogram or TSO
    offset += 40
    fragment, first = None, True
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
    return _transport(frame, offset, (source, destination), protocol, length, fragment, first=first)


def _transport(
    frame: bytes,
    offset: int,
    addresses: tuple[bytes, bytes],
    protocol: int,
    length: int,
    fragment: int | None,
    *,
    first: bool,
) -> Packet:
    source_port = destination_port = flags = 0
    payload = offset
    if first:
        if protocol == TCP:
            source_port, destination_port = _ports(frame, offset)
            flags, payload = frame[offset + 13], offset + (frame[offset + 12] >> 4) * 4
        elif protocol == UDP:
            source_port, destination_port = _ports(frame, offset)
            payload = offset + 8
        elif protocol in (ICMP, ICMP6):
            destination_port = _u16(frame, offset)[0]
            if destination_port >> 8 in ((8, 0) if protocol == ICMP else (128, 129)):
                source_port = _u16(frame, offset + 4)[0]
            payload = offset + 8
    return Packet(*addresses, protocol, source_port, destination_port, flags, length, payload, fragment, first)


def embedded(packet: Packet, frame: bytes) -> Packet | None:
    """The packet an ICMP "destination unreachable" speaks of, as far as it is quoted; else None."""
    if packet.destination_port >> 8 != (3 if packet.protocol == ICMP else 1):
        return None
    quoted = frame[packet.payload :] + bytes(14)  # TCP may be quoted by its first 8 bytes only
    inner = decode(101, quoted)
    return inner if isinstance(inner, Packet) else None
