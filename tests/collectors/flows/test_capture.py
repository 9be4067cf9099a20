"""Capture files, whole and damaged."""

import gzip
import io
import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.flows.capture import frames
from collectors.flows.frame import Frame
from tests.collectors.flows import wire
from tests.collectors.flows.wire import NS

TIMES = [(1_700_000_000_123_456_000, b"a" * 60), (1_700_000_001_000_000_000, b"b" * 61)]
EXPECTED = [Frame(time, 1, data, len(data)) for time, data in TIMES]


def _read(content: bytes) -> tuple[list[Frame], list[str]]:
    damage: list[str] = []
    return list(frames(io.BytesIO(content), damage.append)), damage


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_formats_are_read_in_both_byte_orders_and_every_resolution(order: str) -> None:
    for content in (
        wire.pcap(TIMES, order=order),
        wire.pcap(TIMES, order=order, nanoseconds=True),
        wire.pcapng(TIMES, order=order),
        wire.pcapng(TIMES, order=order, per_second=6),
    ):
        assert _read(content) == (EXPECTED, [])


def test_two_sections_of_different_byte_order_follow_each_other() -> None:
    assert _read(wire.pcapng(TIMES) + wire.pcapng(TIMES, order=">")) == (EXPECTED * 2, [])


def test_blocks_of_unknown_kind_are_passed_over() -> None:
    assert _read(wire.pcapng(TIMES) + wire.block(0x0BAD, b"anything")) == (EXPECTED, [])


@pytest.mark.parametrize("content", [wire.pcap(TIMES), wire.pcapng(TIMES)])
def test_a_file_cut_short_gives_what_is_whole_and_says_so(content: bytes) -> None:
    found, damage = _read(content[:-10])
    assert found == EXPECTED[:1]
    assert len(damage) == 1
    assert "cut short" in damage[0]


MANY = [(1_700_000_000_000_000_000 + n * 1_000_000, bytes([n]) * 60) for n in range(20)]
WHOLE = [Frame(time, 1, data, len(data)) for time, data in MANY]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("garbage", [b"\xff" * 37, bytes(100), bytes(range(256)) * 9000], ids=["ones", "zeros", "2 MB"])
def test_bytes_that_are_no_packet_are_skipped_and_told(garbage: bytes, order: str) -> None:
    for content, size in ((wire.pcap(MANY, order=order), 76), (wire.pcapng(MANY, order=order), 92)):
        place = len(content) - 10 * size
        found, damage = _read(content[:place] + garbage + content[place:])
        assert found == WHOLE
        assert [f"{len(garbage)} bytes behind" in told for told in damage] == [True]


@pytest.mark.parametrize(
    "claimed", [b"\x7f\x7f\x7f\x7f", b"\x00\x02\x02\x00", b"\x00\x00\x01\x40", b"\x40\x01\x00\x00"]
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_packet_that_claims_a_wrong_length_costs_itself_only(order: str, claimed: bytes) -> None:
    for content, size, at in ((wire.pcap(MANY, order=order), 76, 8), (wire.pcapng(MANY, order=order), 92, 4)):
        place = len(content) - 10 * size + at
        found, damage = _read(content[:place] + claimed + content[place + 4 :])
        assert [frame for frame in found if frame in WHOLE] == WHOLE[:10] + WHOLE[11:]
        assert len(damage) == 1


def test_zeros_to_the_end_as_a_power_cut_leaves_them_are_no_packets() -> None:
    for content in (wire.pcap(MANY), wire.pcapng(MANY)):
        found, damage = _read(content + bytes(5000))
        assert found == WHOLE
        assert len(damage) == 1


def test_a_packet_of_an_interface_that_is_not_described_is_counted() -> None:
    section, interface = len(wire.block(0x0A0D0D0A, bytes(16))), len(wire.pcapng([])) - 28
    content = wire.pcapng(TIMES)
    found, damage = _read(content[:section] + content[section + interface :])
    assert (found, damage) == ([], ["2 packets are of an interface that the file does not describe"])


def test_what_was_cut_off_a_packet_is_still_known_by_its_size() -> None:
    assert [(len(frame.data), frame.size) for frame in _read(wire.pcap(TIMES, snap=20))[0]] == [(20, 60), (20, 61)]


def test_the_variant_of_the_format_with_longer_headers_is_read() -> None:
    head = struct.pack("<IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 65535, 1)
    records = [struct.pack("<IIIIIHBx", t // NS, t % NS // 1000, len(d), len(d), 1, 0, 0) + d for t, d in TIMES]
    assert _read(head + b"".join(records)) == (EXPECTED, [])


def test_a_stream_that_breaks_off_gives_what_came_before() -> None:
    packed = gzip.compress(wire.pcap(MANY) + os.urandom(5000))
    damage: list[str] = []
    with gzip.open(io.BytesIO(packed[:-2000])) as stream:
        assert list(frames(stream, damage.append))[:20] == WHOLE
    assert "unpacked" in damage[0]


@given(
    st.sampled_from([wire.pcap(TIMES), wire.pcapng(TIMES), wire.pcapng(TIMES, order=">")]),
    st.integers(4, 250),
    st.binary(min_size=1, max_size=8),
    st.integers(4, 300),
)
def test_any_damage_ends_in_frames_and_sentences_never_in_an_exception(
    content: bytes, place: int, with_bytes: bytes, cut: int
) -> None:
    _read((content[:place] + with_bytes + content[place + len(with_bytes) :])[:cut])


@given(st.binary(max_size=100))
def test_any_bytes_after_a_magic_number_are_read_without_an_exception(rest: bytes) -> None:
    for magic in (b"\xd4\xc3\xb2\xa1", b"\x0a\x0d\x0d\x0a"):
        _read(magic + rest)
