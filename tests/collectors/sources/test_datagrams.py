"""Many datagrams in one call: each whole and in order, none cut silently."""

import errno
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.sources.datagrams import AT_ONCE, LONGEST, MSG_WAITFORONE, Datagrams


@given(st.lists(st.binary(max_size=LONGEST), max_size=AT_ONCE // 2))
def test_what_was_sent_comes_whole_and_in_order(sent: list[bytes]) -> None:
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with here, there:
        there.setblocking(False)
        room, got = Datagrams(), []
        for datagram in [*sent, b"last"]:
            try:
                there.send(datagram)
            except BlockingIOError:  # the kernel keeps few
                got += room.receive(here.fileno(), socket.MSG_DONTWAIT)
                there.send(datagram)
        while len(got) <= len(sent):
            got += room.receive(here.fileno(), MSG_WAITFORONE)
        assert got == [*sent, b"last"]
        with pytest.raises(BlockingIOError):
            room.receive(here.fileno(), socket.MSG_DONTWAIT)


def test_one_that_is_too_long_counts_as_lost() -> None:
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with here, there:
        there.send(bytes(LONGEST + 1))
        with pytest.raises(OSError, match=r".") as raised:
            Datagrams().receive(here.fileno(), MSG_WAITFORONE)
        assert raised.value.errno == errno.ENOBUFS
