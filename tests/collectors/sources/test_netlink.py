"""Netlink messages and attributes survive packing and reading; cut ones end the reading."""

import os

from hypothesis import given
from hypothesis import strategies as st

from collectors.sources import netlink, sockets
from collectors.sources.conntrack import Reader
from collectors.sources.netlink import SOCK_DIAG, Netlink, attribute, attributes, message, messages, nested
from collectors.sources.socket_watch import LISTEN

values = st.dictionaries(st.integers(1, 1000), st.binary(max_size=50), max_size=8)


@given(values)
def test_attributes_read_back_as_packed(told: dict[int, bytes]) -> None:
    assert attributes(b"".join(attribute(kind, value) for kind, value in told.items())) == told


@given(values)
def test_nested_attributes_read_back_as_packed(told: dict[int, bytes]) -> None:
    outer = attributes(nested(7, *(attribute(kind, value) for kind, value in told.items())))
    assert attributes(outer[7]) == told


@given(st.lists(st.binary(max_size=40), max_size=5), st.integers(0, 200))
def test_a_cut_buffer_gives_its_whole_messages(bodies: list[bytes], cut: int) -> None:
    raw = b"".join(message(20, 0, n, body) for n, body in enumerate(bodies))
    found = list(messages(raw[: len(raw) - cut] if cut else raw))
    assert [m.body for m in found] == bodies[: len(found)]
    if not cut:
        assert len(found) == len(bodies)


@given(st.binary(max_size=300))
def test_any_bytes_are_answered(raw: bytes) -> None:
    list(messages(raw))
    attributes(raw)
    if raw:
        Reader().entry(raw[:1] + bytes(3) + raw[4:])


def test_this_process_finds_its_own_listening_socket() -> None:
    """A real question to the kernel, which needs no right."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server, Netlink(SOCK_DIAG) as ask:
        port = server.getsockname()[1]
        found = [sock for sock in sockets.tcp_sockets(ask) if sock.local_port == port]
        assert [sock.state for sock in found] == [LISTEN]
        assert found[0].uid == os.geteuid()
        assert sockets.Inodes().pid(found[0].inode) == os.getpid()
    assert netlink.NETFILTER == 12
