"""Connection tracking's messages, read by learnt layouts."""

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st

from collectors.sources.conntrack import Entry, Reader, question
from collectors.sources.netlink import attribute, nested

addresses4, addresses6 = st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16)
u16, u32, u64 = st.integers(1, 2**16 - 1), st.integers(1, 2**32 - 1), st.integers(1, 2**63)
extras = st.lists(st.sampled_from([8, 18, 22]), unique=True, max_size=3)
"""CTA_MARK and others that only some flows have."""


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    family = draw(st.sampled_from([socket.AF_INET, socket.AF_INET6]))
    ends = addresses4 if family == socket.AF_INET else addresses6
    protocol = draw(st.sampled_from([6, 17]))
    state = draw(st.integers(1, 8)) if protocol == 6 else 0
    ports = struct.pack(">HH", draw(u16), draw(u16))
    who = (draw(u32), int(family), protocol, draw(ends), draw(ends), ports, draw(u32), state, draw(u32))
    return Entry(*who, draw(u64), draw(u64), draw(u64), draw(u64), draw(u64), draw(u64))


def tuple_of(entry: Entry) -> bytes:
    first = 1 if entry.family == socket.AF_INET else 3
    ip = nested(1, attribute(first, entry.source), attribute(first + 1, entry.destination))
    ports = attribute(2, entry.ports[:2]), attribute(3, entry.ports[2:])
    return ip + nested(2, attribute(1, bytes([entry.protocol])), *ports)


def body(entry: Entry, more: list[int]) -> bytes:
    """As the kernel lays it out."""
    packed = struct.pack("=BBH", entry.family, 0, 0) + nested(1, tuple_of(entry))
    packed += attribute(12, struct.pack(">I", entry.id)) + attribute(3, struct.pack(">I", entry.status))
    packed += b"".join(attribute(kind, bytes(4)) for kind in more) + attribute(7, struct.pack(">I", entry.left))
    for kind, counts in ((9, (entry.packets_out, entry.bytes_out)), (10, (entry.packets_in, entry.bytes_in))):
        packed += nested(kind, *(attribute(n, struct.pack(">Q", count)) for n, count in enumerate(counts, 1)))
    packed += nested(20, attribute(1, struct.pack(">Q", entry.start)), attribute(2, struct.pack(">Q", entry.stop)))
    return packed + (nested(4, nested(1, attribute(1, bytes([entry.state])))) if entry.state else b"")


@given(st.lists(st.tuples(entries(), extras), max_size=12))
def test_every_flow_is_read_as_it_was_told_however_the_layout_changes(told: list[tuple[Entry, list[int]]]) -> None:
    reader = Reader()
    assert [reader.entry(body(entry, more)) for entry, more in told] == [entry for entry, _ in told]


@given(st.lists(st.tuples(entries(), extras), max_size=12))
def test_whether_a_flow_is_over_is_known_without_reading_it_whole(told: list[tuple[Entry, list[int]]]) -> None:
    reader = Reader()
    assert [reader.is_over(body(entry, more)) for entry, more in told] == [entry.over for entry, _ in told]


@given(entries(), extras)
def test_a_flow_is_asked_for_by_the_name_it_was_told_with(entry: Entry, more: list[int]) -> None:
    asked = question(body(entry, more))
    assert asked == struct.pack("=BBH", entry.family, 0, 0) + nested(1, tuple_of(entry))


@given(entries(), st.integers(0, 200))
def test_a_message_that_is_cut_is_never_an_error(entry: Entry, cut: int) -> None:
    reader = Reader()
    whole = body(entry, [])
    reader.entry(whole)
    reader.entry(whole[: max(0, len(whole) - cut)])
    assert reader.entry(whole) == entry
