"""Decoding of one frame."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.flows.packet import ICMP, SYN, TCP, UDP, Packet, Undecoded, decode, embedded
from tests.collectors.flows import wire

PLAIN = wire.ipv4(wire.A, wire.B, TCP, wire.tcp(40000, 443, SYN, b"hello"))
SIX = wire.ipv6(wire.A6, wire.B6, UDP, wire.udp(40000, 53, b"hello"))


def _ports(link: int, frame: bytes) -> tuple[int, int, int, int]:
    packet = decode(link, frame)
    assert isinstance(packet, Packet)
    return packet.protocol, packet.source_port, packet.destination_port, packet.length


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, wire.ethernet(PLAIN)),
        (1, wire.ethernet(struct.pack(">HH", 5, 0x0800) + PLAIN, 0x8100)),
        (1, wire.ethernet(struct.pack(">HHHH", 5, 0x8100, 6, 0x0800) + PLAIN, 0x88A8)),
        (1, wire.ethernet(b"\x00\x01\x00\x40" + b"\x00\x02\x01\x40" + PLAIN, 0x8847)),
        (1, wire.ethernet(struct.pack(">BBHHH", 0x11, 0, 1, len(PLAIN) + 2, 0x0021) + PLAIN, 0x8864)),
        (1, wire.ethernet(b"\xaa\xaa\x03\x00\x00\x00\x08\x00" + PLAIN, 300)),
        (101, PLAIN),
        (12, PLAIN),
        (228, PLAIN),
        (113, bytes(14) + b"\x08\x00" + PLAIN),
        (276, b"\x08\x00" + bytes(18) + PLAIN),
        (0, struct.pack("<I", 2) + PLAIN),
        (108, struct.pack(">I", 2) + PLAIN),
        (9, b"\xff\x03\x00\x21" + PLAIN),
        (9, b"\x21" + PLAIN),
        (9, b"\x02\x81" + b"\x00\x02\x01\x40" + PLAIN),
        (104, b"\x0f\x00\x08\x00" + PLAIN),
        (109, bytes(12) + PLAIN),
        (117, b"\x3d" + bytes(63) + PLAIN),
        (219, b"\x00\x02\x01\x40" + PLAIN),
        (1, wire.ethernet(b"\x00\x02\x01\x40" + bytes(4) + wire.ethernet(PLAIN), 0x8847)),
    ],
)
def test_the_same_packet_is_found_behind_every_link_layer(link: int, frame: bytes) -> None:
    assert _ports(link, frame) == (TCP, 40000, 443, 45)


def test_ethernet_padding_is_not_counted() -> None:
    assert _ports(1, wire.ethernet(PLAIN) + bytes(40))[3] == len(PLAIN)


def test_ipv4_options_are_stepped_over() -> None:
    packet = wire.ipv4(wire.A, wire.B, UDP, wire.udp(1, 2), options=b"\x01" * 8)
    assert _ports(101, packet) == (UDP, 1, 2, 36)


def test_ipv6_extension_headers_are_stepped_over() -> None:
    hop, destination = bytes([60, 0]) + bytes(6), bytes([51, 1]) + bytes(14)
    authentication = bytes([UDP, 4]) + bytes(22)
    packet = wire.ipv6(wire.A6, wire.B6, UDP, wire.udp(1, 2), hop + destination + authentication, first=0)
    changed = packet[:6] + b"\x00" + packet[7:]
    assert _ports(101, changed) == (UDP, 1, 2, 40 + 8 + 16 + 24 + 8)


def test_a_later_fragment_has_no_ports_and_says_so() -> None:
    frame = wire.ipv4(wire.A, wire.B, UDP, b"\xff" * 8, ident=99, fragment=185)
    packet = decode(101, frame)
    assert isinstance(packet, Packet)
    assert (packet.fragment, packet.first, packet.source_port) == (99 << 8 | UDP, False, 0)
    six = wire.ipv6(wire.A6, wire.B6, UDP, b"\xff" * 8, struct.pack(">BBHI", UDP, 0, 185 << 3, 98), first=44)
    packet = decode(101, six)
    assert isinstance(packet, Packet)
    assert (packet.fragment, packet.first, packet.source_port) == (98, False, 0)


def test_a_total_length_of_zero_means_what_was_on_the_wire() -> None:
    frame = PLAIN[:2] + b"\x00\x00" + PLAIN[4:]
    assert _ports(101, frame)[3] == len(PLAIN)
    cut = decode(1, wire.ethernet(frame)[:60], 9014)
    assert isinstance(cut, Packet)
    assert (cut.length, cut.destination_port) == (9000, 443)


@pytest.mark.parametrize(("kept", "ports", "flags"), [(54, (40000, 443), SYN), (44, (40000, 443), 0), (36, (0, 0), 0)])
def test_a_packet_cut_short_is_counted_whole_with_what_is_known_of_it(
    kept: int, ports: tuple[int, int], flags: int
) -> None:
    packet = decode(1, wire.ethernet(PLAIN)[:kept], len(PLAIN) + 14)
    assert isinstance(packet, Packet)
    assert (packet.length, packet.source_port, packet.destination_port, packet.flags) == (len(PLAIN), *ports, flags)


def test_vlans_are_told_from_the_outermost_on_and_a_priority_is_none() -> None:
    for tags, told in (((5,), (5,)), ((5, 6), (5, 6)), ((0x6000,), ()), ((0x6005,), (5,))):
        frame = bytes(12) + b"".join(struct.pack(">HH", 0x8100, tag) for tag in tags) + b"\x08\x00" + PLAIN
        packet = decode(1, frame)
        assert isinstance(packet, Packet)
        assert packet.vlans == told


def test_arp_is_not_ip_and_a_strange_link_is_told() -> None:
    assert decode(1, wire.ethernet(bytes(28), 0x0806)) is Undecoded.NOT_IP
    assert decode(147, PLAIN) is Undecoded.UNKNOWN_LINK
    assert decode(1, wire.ethernet(PLAIN)[:30]) is Undecoded.MALFORMED


def test_an_unreachable_message_quotes_the_packet_it_speaks_of() -> None:
    quoted = wire.ipv4(wire.A, wire.B, UDP, wire.udp(5000, 161))
    frame = wire.ipv4(wire.B, wire.A, ICMP, wire.icmp(3, 3, bytes(4) + quoted))
    packet = decode(101, frame)
    assert isinstance(packet, Packet)
    inner = embedded(packet, frame)
    assert inner is not None
    assert (inner.source_port, inner.destination_port) == (5000, 161)


@given(link=st.sampled_from([0, 1, 9, 12, 50, 51, 101, 108, 113, 228, 229, 276, 999]), frame=st.binary(max_size=200))
def test_any_bytes_are_answered_without_an_exception(link: int, frame: bytes) -> None:
    packet = decode(link, frame)
    if isinstance(packet, Packet):
        embedded(packet, frame)


@given(
    frame=st.sampled_from([wire.ethernet(PLAIN), wire.ethernet(SIX)]),
    place=st.integers(12, 60),
    value=st.integers(0, 255),
    cut=st.integers(0, 80),
)
def test_a_damaged_packet_is_answered_without_an_exception(frame: bytes, place: int, value: int, cut: int) -> None:
    damaged = (frame[:place] + bytes([value]) + frame[place + 1 :])[:cut]
    packet = decode(1, damaged)
    if isinstance(packet, Packet):
        embedded(packet, damaged)
