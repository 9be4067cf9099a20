"""Where in a captured frame the IP packet begins: behind its link layer, VLAN tags, MPLS labels, PPPoE, LLC/SNAP.

Sources: IEEE 802.1Q, RFC 3032 (MPLS), 4448 (Ethernet over MPLS), 2516 (PPPoE), 1661 (PPP); link types as
www.tcpdump.org/linktypes.html lists them. Functions raise struct.error or IndexError where the frame is too short.
"""

import struct
from collections.abc import Callable
from typing import NamedTuple

IPV4, IPV6 = 0x0800, 0x86DD

_VLAN = {0x8100, 0x88A8, 0x9100, 0x9200}
_MPLS = {0x8847, 0x8848}
_PPPOE = 0x8864
_HEADERS_AT_MOST = 32

_u16 = struct.Struct(">H").unpack_from


class Place(NamedTuple):
    """`kind` IPV4 or IPV6; `vlans` the VLAN identifiers passed on the way, the outermost first."""

    kind: int
    offset: int
    vlans: tuple[int, ...] = ()


Find = Callable[[bytes], Place | None]


def _ethernet(frame: bytes) -> Place | None:
    return _inside(frame, _u16(frame, 12)[0], 14)


def _inside(frame: bytes, kind: int, offset: int) -> Place | None:
    vlans: tuple[int, ...] = ()
    for _ in range(_HEADERS_AT_MOST):
        if kind in (IPV4, IPV6):
            return Place(kind, offset, vlans)
        if kind in _VLAN:
            tag, kind = _u16(frame, offset)[0] & 0xFFF, _u16(frame, offset + 2)[0]
            offset += 4
            vlans += (tag,) if tag else ()  # identifier 0: a priority, no VLAN
        elif kind in _MPLS:
            bottom = frame[offset + 2] & 1
            offset += 4
            if bottom:
                return _with(vlans, _below_labels(frame, offset))
        elif kind == _PPPOE:
            return _with(vlans, _ppp(frame, offset + 6))
        elif kind < 0x0600 and frame[offset : offset + 3] == b"\xaa\xaa\x03":
            kind, offset = _u16(frame, offset + 6)[0], offset + 8
        else:
            return None
    return None


def _with(vlans: tuple[int, ...], place: Place | None) -> Place | None:
    return place and place._replace(vlans=vlans + place.vlans)


def _mpls(frame: bytes) -> Place | None:
    return _inside(frame, 0x8847, 0)


def _below_labels(frame: bytes, offset: int) -> Place | None:
    """IP, told by its first four bits, or Ethernet behind a control word, whose first four are 0."""
    if frame[offset] >> 4:
        return _by_version(frame, offset)
    return _inside(frame, _u16(frame, offset + 16)[0], offset + 18)


def _ppp(frame: bytes, offset: int) -> Place | None:
    if frame[offset] & 1:  # the protocol's first byte, 0, was left out
        kind, offset = frame[offset], offset + 1
    else:
        kind, offset = _u16(frame, offset)[0], offset + 2
    if kind == 0x0281:
        return _inside(frame, 0x8847, offset)
    return {0x0021: Place(IPV4, offset), 0x0057: Place(IPV6, offset)}.get(kind)


def _by_version(frame: bytes, offset: int) -> Place | None:
    kind = {4: IPV4, 6: IPV6}.get(frame[offset] >> 4)
    return None if kind is None else Place(kind, offset)


def _raw(frame: bytes) -> Place | None:
    return _by_version(frame, 0)


def _loopback(frame: bytes) -> Place | None:
    """4 bytes of address family, whose numbers differ by system."""
    return _by_version(frame, 4)


def _ppp_serial(frame: bytes) -> Place | None:
    """With or without HDLC's address and control bytes."""
    return _ppp(frame, 2 if frame[:2] == b"\xff\x03" else 0)


LINKS: dict[int, Find] = {
    0: _loopback,
    1: _ethernet,
    9: _ppp_serial,
    12: _raw,
    14: _raw,
    50: _ppp_serial,
    51: lambda frame: _ppp(frame, 6),  # PPPoE session
    101: _raw,
    104: lambda frame: _inside(frame, _u16(frame, 2)[0], 4),  # Cisco HDLC
    108: _loopback,
    109: lambda frame: _by_version(frame, 12),  # OpenBSD's decrypted IPsec
    113: lambda frame: _inside(frame, _u16(frame, 14)[0], 16),  # Linux cooked
    117: lambda frame: _by_version(frame, (frame[0] + 3) & ~3),  # OpenBSD's packet filter log
    219: _mpls,
    228: _raw,
    229: _raw,
    276: lambda frame: _inside(frame, _u16(frame, 0)[0], 20),  # Linux cooked, version 2
}
"""How to find the IP packet, by LINKTYPE_ number. None: the frame carries no IP."""
