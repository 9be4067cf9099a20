"""systemd is told over a real datagram socket."""

import socket
from pathlib import Path

import pytest

from collectors.notify import ALIVE, READY, notify
from tests.collectors.centre import Centre, serving
from tests.collectors.test_agent import Running, enrol


def test_states_arrive_one_a_datagram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify(READY)
        notify(ALIVE)
        assert [manager.recv(100), manager.recv(100)] == [b"READY=1", b"WATCHDOG=1"]


@pytest.mark.parametrize("place", ["", "/nowhere/notify"])
def test_nobody_who_listens_is_no_trouble(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", place)
    notify(READY)


def test_a_running_agent_says_that_it_is_ready_lives_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Centre()) as centre, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        enrol(centre, tmp_path / "state")
        with Running(tmp_path / "state") as running:
            assert manager.recv(100) == b"READY=1"
            assert manager.recv(100) == b"WATCHDOG=1"
            running.stop()
            told = manager.recv(100)
            while told == b"WATCHDOG=1":
                told = manager.recv(100)
        assert told == b"STOPPING=1"
