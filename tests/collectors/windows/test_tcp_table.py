"""Windows' tables of TCP sockets, laid out as the documentation says."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.sources.socket_watch import LISTEN, TIME_WAIT
from collectors.windows.tcp_table import rows4, rows6

US, THEM = socket.inet_aton("192.0.2.1"), socket.inet_aton("198.51.100.7")
OUR6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1")


def port(number: int) -> int:
    """As the structure holds it: network order in the lower 16 bits of a DWORD."""
    return socket.htons(number)


def table4(*rows: tuple[int, int, int, int]) -> bytes:
    packed = [struct.pack("<I4sI4sII", state, US, port(ours), THEM, port(far), pid) for state, ours, far, pid in rows]
    return struct.pack("<I", len(rows)) + b"".join(packed)


def test_a_row_gives_both_ends_the_state_and_the_process() -> None:
    ((sock, pid),) = rows4(table4((5, 49152, 443, 4242)))
    assert sock.pair == ("192.0.2.1", 49152, "198.51.100.7", 443)
    assert (sock.state, pid) == (1, 4242)


def test_listening_and_lingering_sockets_are_told_from_open_ones() -> None:
    assert [sock.state for sock, _ in rows4(table4((2, 80, 0, 1), (11, 80, 5, 1)))] == [LISTEN, TIME_WAIT]


def test_ipv6_keeps_its_scopes_apart_and_shows_ipv4_inside_as_ipv4() -> None:
    mapped = bytes(10) + b"\xff\xff" + THEM
    row = struct.pack("<16sII16sIIII", OUR6, 7, port(80), mapped, 9, port(5000), 5, 11)
    ((sock, pid),) = rows6(struct.pack("<I", 1) + row)
    assert sock.pair == ("2001:db8::1", 80, "198.51.100.7", 5000)
    assert (sock.state, pid) == (1, 11)


def test_what_lies_behind_the_rows_is_not_read() -> None:
    assert len(list(rows4(table4((5, 1, 2, 3)) + bytes(500)))) == 1


def test_a_table_shorter_than_it_says_is_refused() -> None:
    with pytest.raises(ValueError, match="rows need"):
        list(rows4(table4((5, 1, 2, 3))[:-1]))


@given(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 2**32 - 1))
def test_every_port_and_process_number_reads_back(ours: int, far: int, pid: int) -> None:
    ((sock, owner),) = rows4(table4((5, ours, far, pid)))
    assert (sock.local_port, sock.remote_port, owner) == (ours, far, pid)
