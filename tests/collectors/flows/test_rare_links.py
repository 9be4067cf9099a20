"""Link types that only scapy knows, read in its own process."""

import importlib.util

import pytest

from collectors.flows.packet import Packet, Undecoded
from collectors.flows.rare_links import RareLinks
from tests.collectors.flows import wire

PLAIN = wire.ipv4(wire.A, wire.B, 17, wire.udp(5000, 53, b"?"))
PPI, UNHEARD_OF = 192, 60_000
WIRELESS = b"\x00\x00\x08\x00\x69\x00\x00\x00"  # PPI: no fields, the frame is 802.11

needs_scapy = pytest.mark.skipif(importlib.util.find_spec("scapy") is None, reason="scapy is not installed")


@needs_scapy
def test_a_packet_behind_a_rare_link_is_found_and_what_is_none_is_not() -> None:
    head = b"\x08\x01\x00\x00" + bytes(18) + b"\x00\x00"  # 802.11 data to the access point
    frame = WIRELESS + head + b"\xaa\xaa\x03\x00\x00\x00\x08\x00" + PLAIN
    with RareLinks() as rare:
        packet = rare.decode(PPI, frame)
        assert isinstance(packet, Packet)
        assert (packet.source_port, packet.destination_port, packet.length) == (5000, 53, len(PLAIN))
        assert rare.decode(PPI, b"\x00") is Undecoded.NOT_IP
        assert rare.decode(UNHEARD_OF, PLAIN) is Undecoded.UNKNOWN_LINK
        assert rare.failure == ""


@needs_scapy
def test_a_process_that_died_is_told_once_and_not_tried_again() -> None:
    with RareLinks() as rare:
        rare.decode(PPI, b"\x00")
        assert rare._process is not None
        rare._process.kill()
        rare._process.wait()
        assert rare.decode(PPI, WIRELESS) is Undecoded.UNKNOWN_LINK
        assert "ended" in rare.failure
        assert rare.decode(PPI, WIRELESS) is Undecoded.UNKNOWN_LINK
        assert rare._process is None


def test_without_scapy_the_extra_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with RareLinks() as rare:
        assert rare.decode(PPI, WIRELESS) is Undecoded.UNKNOWN_LINK
        assert "'pcap'" in rare.failure
