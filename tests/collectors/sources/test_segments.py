"""What was cut into packets behind connection tracking is counted as it was on the wire."""

import socket
import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.sources import segments
from collectors.sources.conntrack import TCP, TIME_WAIT, Entry
from collectors.sources.netlink import attribute
from collectors.sources.segments import Segments

HERE, THERE = "192.0.2.1", "198.51.100.2"
PORTS = (40000, 443)
CUT = frozenset(ip_address(end).packed for end in (HERE, THERE))


def _gone(near: str, far: str, ports: tuple[int, int], segments: int, received: int, data: int) -> bytes:
    """As the kernel tells it; an IPv4 socket of a listener for both is told with IPv6 addresses."""
    info = bytearray(280)
    info[5] = 1  # timestamps
    struct.pack_into("=II", info, 136, segments, received)
    struct.pack_into("=Q", info, 200, data)
    family = socket.AF_INET6 if ":" in near else socket.AF_INET
    ends = b"".join(ip_address(end).packed.ljust(16, b"\0") for end in (near, far))
    head = struct.pack("=BBBB", family, 7, 0, 0) + struct.pack(">HH", *ports) + ends + bytes(32)
    return head + attribute(10, b"\1") + attribute(2, bytes(info))


def _entry(out: tuple[int, int], back: tuple[int, int]) -> Entry:
    ends = ip_address(HERE).packed, ip_address(THERE).packed, struct.pack(">HH", *PORTS)
    return Entry(1, socket.AF_INET, TCP, *ends, 0, TIME_WAIT, 0, *out, *back, 1, 2)


def test_what_the_opener_sent_in_bulk_has_the_packets_and_headers_of_the_wire() -> None:
    known = Segments(CUT)
    known.gone(_gone(HERE, THERE, PORTS, 103, 50, 144_800))
    entry = _entry((6, 144_800 + 6 * 52 + 8), (50, 2600))
    assert known.corrected(entry) == _entry((103, 144_800 + 103 * 52 + 8), (50, 2600))
    assert known.corrected(entry) == entry  # used once


@pytest.mark.parametrize("near", [THERE, f"::ffff:{THERE}"])
def test_what_a_listener_sent_counts_its_answer_to_the_opening_too(near: str) -> None:
    known = Segments(CUT)
    far = HERE if near == THERE else f"::ffff:{HERE}"
    known.gone(_gone(near, far, PORTS[::-1], 102, 40, 144_800))
    corrected = known.corrected(_entry((40, 2080), (6, 144_800 + 6 * 52)))
    assert (corrected.packets_in, corrected.bytes_in) == (103, 144_800 + 103 * 52)


def test_what_was_answered_after_the_sockets_end_was_sent_as_well() -> None:
    known = Segments(CUT)
    known.gone(_gone(HERE, THERE, PORTS, 102, 49, 144_800))
    assert known.corrected(_entry((6, 144_800 + 6 * 52), (50, 2600))).packets_out == 103


def test_counts_of_another_socket_on_the_same_ports_change_nothing() -> None:
    known = Segments(CUT)
    known.gone(_gone(HERE, THERE, PORTS, 103, 50, 144_800))
    small = _entry((6, 500), (5, 300))
    assert known.corrected(small) == small


def test_a_flow_in_pieces_larger_than_packets_waits_for_its_socket() -> None:
    known, entry = Segments(CUT), _entry((6, 144_800), (50, 2600))
    assert known.awaited(entry)
    known.gone(_gone(HERE, THERE, PORTS, 103, 50, 144_800))
    assert not known.awaited(entry)
    assert not known.awaited(_entry((100, 144_800), (50, 2600)))


def test_what_the_network_card_cuts_is_counted_as_captures_on_this_computer_see_it() -> None:
    known = Segments(frozenset())
    known.gone(_gone(HERE, THERE, PORTS, 103, 50, 144_800))
    entry = _entry((6, 144_800 + 6 * 52), (50, 2600))
    assert not known.needed
    assert not known.awaited(entry)
    assert known.corrected(entry) == entry


def test_sockets_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "REMEMBERED", 2)
    known = Segments(CUT)
    for port in (1, 2, 3):
        known.gone(_gone(HERE, THERE, (port, 443), 103, 50, 144_800))
    assert len(known._sent) == 2


@given(st.binary(max_size=400))
def test_any_bytes_of_the_kernel_are_borne(body: bytes) -> None:
    Segments(CUT).gone(body)
