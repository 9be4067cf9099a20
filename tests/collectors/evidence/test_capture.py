"""Packets around an incident, captured by the real dumpcap in a network namespace of the test's own."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from collectors.evidence import requests
from collectors.evidence.capture import Capture
from collectors.evidence.requests import Answer, Asked
from collectors.evidence.settings import CaptureSettings
from collectors.flows.dissect import Seen, dissect
from collectors.flows.table import Flow, FlowTable
from collectors.sources.feed import Feed
from jikimi.clock import utc_now
from jikimi.domain.event import parse_time
from jikimi.domain.logsource import EVIDENCE
from jikimi.errors import Transient
from tests.small_disk import hog

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(shutil.which("dumpcap") is None, reason="dumpcap is not installed"),
]
SPACE = f"jikimi-flows-{os.getpid()}"


@pytest.fixture(scope="module", autouse=True)
def namespace() -> Iterator[None]:
    """A namespace with nothing but its loopback; the test's thread stays outside, dumpcap and the sender run within."""
    subprocess.run(["ip", "netns", "add", SPACE], check=True)
    try:
        subprocess.run(["ip", "-n", SPACE, "link", "set", "lo", "up"], check=True)
        yield
    finally:
        subprocess.run(["ip", "netns", "del", SPACE], check=True)


@pytest.fixture(autouse=True)
def dumpcap_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "dumpcap"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec ip netns exec {SPACE} {shutil.which("dumpcap")} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


SENDING = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
    here.bind(("127.0.0.1", 0))
    for _ in range(int(sys.argv[1])):
        here.sendto(bytes(int(sys.argv[2])), here.getsockname())
        here.recv(65536)
"""


def _send(count: int, size: int = 10) -> None:
    """UDP packets within the namespace, each on its loopback once."""
    command = ["ip", "netns", "exec", SPACE, sys.executable, "-c", SENDING, str(count), str(size)]
    subprocess.run(command, check=True, timeout=30)


def _until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@contextmanager
def _capturing(folder: Path, settings: CaptureSettings) -> Iterator[Feed]:
    feed, stop = Feed("capture", "pc-1"), threading.Event()
    thread = threading.Thread(target=Capture(settings, folder).run, args=(feed, stop))
    thread.start()
    try:
        _until(lambda: feed.state == "running")
        yield feed
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def _ask(folder: Path, *, before: float = 60, after: float = 0) -> Asked:
    return requests.ask(folder, at=utc_now(), before=before, after=after, reason="a scan", by="kim")


def _answered(folder: Path, asked: Asked) -> Answer:
    return requests.wait(folder, asked, 30)


def _packets(folder: Path, damage: Callable[[str], None] = pytest.fail) -> int:
    table, flows = FlowTable(), []
    for path in sorted(folder.glob("*.pcapng")):
        with path.open("rb") as stream:
            flows += [found for found in dissect(stream, table, Seen(), damage) if isinstance(found, Flow)]
    return sum(flow.packets_out + flow.packets_in for flow in [*flows, *table.close()])


def _events(feed: Feed) -> list[dict[str, Any]]:
    return [seen.event for seen in feed.take(100) if seen.logsource == EVIDENCE]


LO = CaptureSettings(always=True, interface="lo", files=4, megabytes_each=1)


def test_a_ring_that_runs_along_holds_what_came_before_it_was_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "capture"
    with _capturing(folder, LO) as feed:
        _send(5)
        given = _answered(folder, _ask(folder))
        _send(2)
        again = _answered(folder, _ask(folder))
        told = _events(feed)
    assert (given.error, again.error) == ("", "")
    assert (_packets(Path(given.folder)), _packets(Path(again.folder))) == (5, 2)
    manifest = json.loads((Path(given.folder) / "manifest.json").read_bytes())
    for file in manifest["files"]:
        content = (Path(given.folder) / file["name"]).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (manifest["reason"], manifest["asked_by"], manifest["device"]) == ("a scan", "kim", "pc-1")
    assert [event["ManifestSha256"] for event in told] == [given.manifest_sha256, again.manifest_sha256]
    assert not list(folder.glob("ring-*"))


def test_a_capture_says_since_when_it_holds_every_packet(tmp_path: Path) -> None:
    folder = tmp_path / "capture"
    with _capturing(folder, LO) as feed:
        began = utc_now()
        _send(1)
        given = _answered(folder, _ask(folder, before=60))
        now = _answered(folder, _ask(folder, before=0))
        longer, short = _events(feed)
    assert (given.error, now.error) == ("", "")
    wanted, held, end = (parse_time(longer[name]) for name in ("WantedFrom", "From", "To"))
    assert wanted < held <= began < end
    assert "WantedFrom" not in short
    assert short["From"] == short["To"]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_a_ring_that_wrote_over_its_beginning_holds_all_since_its_oldest_packet(tmp_path: Path) -> None:
    folder = tmp_path / "capture"
    with _capturing(folder, LO) as feed:
        _send(1500, 8000)
        given = _answered(folder, _ask(folder, before=3600))
        (event,) = _events(feed)
    oldest = min(Path(given.folder).glob("*.pcapng"))
    command = ["tshark", "-r", str(oldest), "-c", "1", "-T", "fields", "-e", "frame.time_epoch"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
    assert "_00001_" not in oldest.name
    assert abs(parse_time(event["From"]).timestamp() - float(told)) < 1e-3


def test_nothing_of_a_ring_stays_behind_its_request(tmp_path: Path) -> None:
    folder = tmp_path / "capture"
    with _capturing(folder, LO):
        for _ in range(3):
            _answered(folder, _ask(folder, before=0))
        assert len(list(folder.glob("ring-*"))) == 1


def test_a_refused_request_leaves_the_ring_running(tmp_path: Path) -> None:
    folder = tmp_path / "capture"
    with _capturing(
        folder, CaptureSettings(always=True, interface="lo", files=4, megabytes_each=1, evidence_megabytes=0)
    ):
        (before,) = folder.glob("ring-*")
        assert "evidence_megabytes" in _answered(folder, _ask(folder)).error
        assert list(folder.glob("ring-*")) == [before]


def test_a_disk_that_fills_up_is_told_and_what_was_captured_until_then_is_kept(small_disk: Path) -> None:
    folder = small_disk / "capture"
    settings = CaptureSettings(interface="lo", files=20, megabytes_each=1)
    feed, stop, raised = Feed("capture", "pc-1"), threading.Event(), []

    def run() -> None:
        try:
            Capture(settings, folder).run(feed, stop)
        except Transient as error:
            raised.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    _until(lambda: feed.state == "running")
    asked = _ask(folder, before=0, after=600)
    _until(lambda: list(folder.glob("ring-*/*.pcapng")))
    _send(300, 8000)
    filler = hog(small_disk)
    os.truncate(filler, filler.stat().st_size - 64 * 1024)
    _send(300, 8000)
    thread.join(30)
    given = _answered(folder, asked)
    assert (given.error, given.files > 0) == ("", True)
    cut: list[str] = []
    assert _packets(Path(given.folder), cut.append) > 0
    assert "no space left" in raised[0]
    (event,) = _events(feed)
    assert parse_time(event["To"]) < asked.at + timedelta(seconds=600)


def test_without_a_ring_packets_are_kept_from_the_asking_on(tmp_path: Path) -> None:
    folder = tmp_path / "capture"
    with _capturing(folder, CaptureSettings(interface="lo", files=4, megabytes_each=1, filter="udp")):
        _send(5)
        asked = _ask(folder, after=2)
        _until(lambda: list(folder.glob("ring-*/*.pcapng")))
        _send(3)
        given = _answered(folder, asked)
        assert not list(folder.glob("ring-*/*.pcapng"))
    assert (given.error, _packets(Path(given.folder))) == ("", 3)


def _last_written(folder: Path) -> float:
    times = [0.0]
    for path in folder.glob("ring-*/*.pcapng"):
        with suppress(FileNotFoundError):  # dumpcap removes the oldest meanwhile
            times.append(path.stat().st_mtime)
    return max(times)


def test_the_ring_never_grows_beyond_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "capture"
    with _capturing(folder, LO):
        _send(3000, 8000)
        _until(lambda: time.time() - _last_written(folder) > 0.5)  # dumpcap has caught up
        files = list(folder.glob("ring-*/*.pcapng"))
        assert 2 <= len(files) <= 4
        assert sum(path.stat().st_size for path in files) < 4.5 * 1024 * 1024
        quiet = time.time() - 0.3
        _send(1)
        assert _answered(folder, _ask(folder, before=time.time() - quiet)).files == 1  # the others were written before


def test_a_full_evidence_folder_and_a_missing_interface_are_refused_in_words(tmp_path: Path) -> None:
    folder = tmp_path / "capture"
    full = CaptureSettings(interface="lo", files=2, megabytes_each=1, evidence_megabytes=0)
    with _capturing(folder, full) as feed:
        assert "evidence_megabytes" in _answered(folder, _ask(folder)).error
        assert any("no packets were kept" in seen.event.get("Reason", "") for seen in feed.take(10))
    with _capturing(folder, CaptureSettings(interface="nonesuch0", files=2, megabytes_each=1)):
        assert "dumpcap cannot capture" in _answered(folder, _ask(folder)).error


def test_a_missing_dumpcap_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = tmp_path / "capture"
    with _capturing(folder, CaptureSettings(interface="lo")):
        assert "dumpcap is not installed" in _answered(folder, _ask(folder)).error
