"""Replay: files through a real socket, as an enrolled device."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from collectors.batching import Numbering
from collectors.files import Problems
from collectors.http import Client
from collectors.identity import Identity
from collectors.replay import LONGEST_PAUSE, SKEW, Batcher, FileBatches, Pace
from collectors.uplink import Uplink
from jikimi.cli import app
from jikimi.domain.event import MAX_BATCH_BYTES
from jikimi.domain.logsource import LogSource
from tests.collectors.centre import Centre, serving
from tests.collectors.flows import wire

BEGIN = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def centre() -> Iterator[Centre]:
    with serving(Centre()) as running:
        yield running


def _file(folder: Path, count: int, name: str = "in.ndjson", seconds: float = 0.01) -> Path:
    channels = ["Security", "System", "Application"]
    path = folder / name
    with path.open("w") as out:
        for n in range(count):
            stamp = (BEGIN + timedelta(seconds=n * seconds)).isoformat().replace("+00:00", "Z")
            event = {"@timestamp": stamp, "EventID": 1, "Channel": channels[n % 3], "n": n, "pad": "x" * 500}
            out.write(json.dumps(event) + "\n")
    return path


async def _replay(centre: Centre, *files: Path, speed: float | None = None) -> tuple[FileBatches, Uplink]:
    batches = FileBatches(files, agent_id="a1", device="pc-replay", problems=Problems(), speed=speed)
    identity = Identity(centre.url, "a1", "t1", "d1", "pc-replay", "secret")
    async with Client(10) as client:
        uplink = Uplink(client, identity, batches, most_retries=5)
        await uplink.drain()
    await batches.close()
    return batches, uplink


async def test_every_event_arrives_once_and_each_log_source_in_its_order(centre: Centre, tmp_path: Path) -> None:
    batches, _ = await _replay(centre, _file(tmp_path, 5000))
    stored = centre.stored()
    assert sorted(event["n"] for event in stored) == list(range(5000))
    for channel in ("Security", "System", "Application"):
        numbers = [event["n"] for event in stored if event["Channel"] == channel]
        assert numbers == sorted(numbers)
    assert batches.acked_events == batches.read == 5000
    assert len({epoch for epoch, _ in centre.order}) == 1


async def test_a_second_replay_of_the_same_file_is_new_telemetry(centre: Centre, tmp_path: Path) -> None:
    path = _file(tmp_path, 10)
    for _ in range(2):
        await _replay(centre, path)
    assert Counter(event["n"] for event in centre.stored()) == Counter(list(range(10)) * 2)


async def test_events_of_a_capture_carry_the_replaying_devices_name(centre: Centre, tmp_path: Path) -> None:
    path = tmp_path / "in.pcap"
    path.write_bytes(wire.pcap([(wire.NS, wire.ethernet(wire.ipv4(wire.A, wire.B, 17, wire.udp(1, 2))))]))
    await _replay(centre, path)
    assert [event["Hostname"] for event in centre.stored()] == ["pc-replay"]


async def test_a_file_that_cannot_be_read_does_not_keep_the_next_one(centre: Centre, tmp_path: Path) -> None:
    broken = tmp_path / "broken.evtx"
    broken.write_bytes(b"ElfFile\x00" + bytes(5000))
    batches, _ = await _replay(centre, broken, _file(tmp_path, 3))
    assert len(batches.failures) == 1
    assert len(centre.events) == 3


async def test_speed_keeps_the_files_own_rhythm(centre: Centre, tmp_path: Path) -> None:
    await _replay(centre, _file(tmp_path, 30, seconds=1.0), speed=30)
    assert centre.uploads > 5
    assert [event["n"] for event in centre.stored() if event["Channel"] == "System"] == list(range(1, 30, 3))


def test_the_pace_is_the_event_times_divided_by_the_speed() -> None:
    now = 100.0
    pace = Pace(10, lambda _: None, lambda: now)
    assert pace.due_in(BEGIN) == 0
    assert pace.due_in(BEGIN + timedelta(seconds=50)) == pytest.approx(5)
    now = 104.0
    assert pace.due_in(BEGIN + timedelta(seconds=50)) == pytest.approx(1)
    assert pace.due_in(BEGIN - timedelta(days=1)) < 0
    assert pace.due_in(BEGIN + timedelta(days=1)) == LONGEST_PAUSE
    now += LONGEST_PAUSE
    assert pace.due_in(BEGIN + timedelta(days=1, seconds=10)) == pytest.approx(1)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 60_000), st.integers(-5, 40)), min_size=1, max_size=60)
)
def test_the_batcher_keeps_every_line_numbered_without_a_hole(lines: list[tuple[str, int, int]]) -> None:
    batcher = Batcher(Numbering("a1", "e"), lambda: BEGIN)
    given_in: dict[str, list[bytes]] = {"a": [], "b": [], "c": []}
    batches, moment = [], BEGIN
    for n, (name, size, step) in enumerate(lines):
        moment += timedelta(seconds=step)
        line = f"{n}:".encode() + b"x" * size
        given_in[name].append(line)
        batches += list(batcher.add(LogSource(product=name), line, moment))
    batches += list(batcher.flush())
    given_out: dict[str, list[bytes]] = {"a": [], "b": [], "c": []}
    expected = 1
    for batch in batches:
        assert batch.envelope.first_seq == expected
        assert len(batch.block) <= MAX_BATCH_BYTES
        expected += batch.envelope.count
        given_out[str(batch.envelope.logsource.product)] += batch.lines()
    assert given_out == given_in


def test_no_event_waits_longer_than_the_skew_for_another_log_source() -> None:
    batcher = Batcher(Numbering("a1", "e"), lambda: BEGIN)
    rare, busy = LogSource(product="rare"), LogSource(product="busy")
    assert list(batcher.add(rare, b"r", BEGIN)) == []
    assert list(batcher.add(busy, b"b", BEGIN + SKEW)) == []
    due = list(batcher.add(busy, b"b", BEGIN + SKEW + timedelta(seconds=1)))
    assert [batch.envelope.logsource for batch in due] == [rare]


def _data(centre: Centre, folder: Path) -> Path:
    folder.mkdir()
    (folder / "centre.address").write_text(centre.url)
    (folder / "admin.token").write_text("admin-secret")
    return folder


def _command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jikimi", "replay", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


class TestCommand:
    def test_files_arrive_and_one_line_sums_up(self, centre: Centre, tmp_path: Path) -> None:
        done = _command("--data", _data(centre, tmp_path / "data"), "--device", "PC-9", _file(tmp_path, 100))
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("100 events sent, 100 accepted, 0 duplicates, 0 dead-lettered, 0 unreadable")
        assert len(done.stdout.splitlines()) == 1
        assert (centre.enrolled[0]["device"], centre.enrolled[0]["kind"]) == ("PC-9", "replay")

    def test_wait_asks_until_the_detectors_have_caught_up(self, centre: Centre, tmp_path: Path) -> None:
        centre.lag.extend([5, 2])
        done = _command("--data", _data(centre, tmp_path / "data"), "--wait", _file(tmp_path, 10))
        assert (done.returncode, list(centre.lag)) == (0, [])

    def test_several_companies_are_listed_and_exit_2(self, centre: Centre, tmp_path: Path) -> None:
        centre.tenants = ["한빛정밀", "대성테크"]
        done = _command("--data", _data(centre, tmp_path / "data"), _file(tmp_path, 10))
        assert (done.returncode, "한빛정밀, 대성테크" in done.stderr) == (2, True)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["nothing.evtx"], "nothing.evtx: no such file"),
            (["{text}"], "not a format that can be read"),
            (["--speed", "0", "{good}"], "--speed"),
            (["--url", "http://127.0.0.1:9", "{good}"], "--token"),
            (["--logsource", "windows", "{good}"], "--logsource"),
        ],
    )
    def test_wrong_input_is_one_sentence_and_exit_2(self, tmp_path: Path, arguments: list[str], words: str) -> None:
        text = tmp_path / "letter.txt"
        text.write_text("Dear Sir,\n")
        places = {"text": str(text), "good": str(_file(tmp_path, 1))}
        done = CliRunner().invoke(app, ["replay", *[argument.format(**places) for argument in arguments]])
        assert (done.exit_code, words in done.stderr, len(done.stderr.splitlines())) == (2, True, 1)

    def test_a_centre_that_is_away_is_exit_1(self, tmp_path: Path) -> None:
        good = _file(tmp_path, 1)
        for away in (["--data", tmp_path / "no-data"], ["--url", "http://127.0.0.1:9", "--token", "t"]):
            done = CliRunner().invoke(app, ["replay", *map(str, away), str(good)])
            assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)

    def test_ctrl_c_stops_cleanly_and_says_what_is_with_the_centre(self, centre: Centre, tmp_path: Path) -> None:
        data, path = _data(centre, tmp_path / "data"), _file(tmp_path, 600, seconds=1.0)
        command = [sys.executable, "-m", "jikimi", "replay", "--data", str(data), "--speed", "20", str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
            while centre.uploads < 3:
                assert running.poll() is None
            os.kill(running.pid, signal.SIGINT)
            out, err = running.communicate(timeout=20)
        assert (running.returncode, err) == (130, "")
        assert out.startswith("stopped early; with the centre for good: ")
        acked = int(out.split(": ")[1].split()[0])
        assert 0 < acked <= len(centre.events) < 600
