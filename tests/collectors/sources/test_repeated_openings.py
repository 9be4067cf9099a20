"""The kernel's account of openings that had to be repeated."""

import socket
import sys
from pathlib import Path

import pytest

from collectors.sources.repeated_openings import repeated_openings

TOLD = "TcpExt: SyncookiesSent TCPSynRetrans TW\nTcpExt: 1 22 333\nIpExt: InNoRoutes\nIpExt: 4\n"


def test_the_counter_is_found_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "netstat").write_text(TOLD)
    assert repeated_openings(tmp_path / "netstat") == 22


@pytest.mark.parametrize("told", ["", "TcpExt: TW\nTcpExt: 1\n", "TcpExt: TW TCPSynRetrans\n"])
def test_a_kernel_that_does_not_tell_is_no_error(tmp_path: Path, told: str) -> None:
    (tmp_path / "netstat").write_text(told)
    assert repeated_openings(tmp_path / "netstat") is None
    assert repeated_openings(tmp_path / "missing") is None


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells it")
def test_this_kernel_tells_it() -> None:
    with socket.create_server(("127.0.0.1", 0)):
        assert repeated_openings() is not None
