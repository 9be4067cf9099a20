"""Capture files, whole and damaged."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.flows.capture import Frame, frames
from tests.collectors.flows import wire

TIMES = [(1_700_000_000_123_456_000, b"a" * 60), (1_700_000_001_000_000_000, b"b" * 61)]
EXPECTED = [Frame(time, 1, data) for time, data in TIMES]


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


def test_a_packet_that_claims_gigabytes_ends_the_reading() -> None:
    content = wire.pcap(TIMES) + b"\x00" * 8 + b"\xff\xff\xff\x7f" * 2
    found, damage = _read(content)
    assert found == EXPECTED
    assert "damaged" in damage[0]


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
