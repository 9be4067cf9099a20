"""The installed program from outside: the commands, their exit codes, what reaches the centre."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from api.config_keys import ConfigKeys
from jikimi.cli.agent import app
from jikimi.clock import utc_now
from jikimi.domain.agent_config import VALID_FOR, Document
from tests.collectors.centre import Centre, serving

ENOUGH = 60.0


@pytest.fixture
def centre() -> Iterator[Centre]:
    with serving(Centre()) as running:
        yield running


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "설계 도면"
    folder.mkdir()
    return folder


def agent(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def run_agent(state: Path) -> subprocess.CompletedProcess[str]:
    """For a run that ends by itself; a process of its own, for it sets up logs and signals."""
    command = [sys.executable, "-m", "jikimi", "agent", "run", "--state", str(state)]
    return subprocess.run(command, capture_output=True, text=True, timeout=ENOUGH, check=False)


def enrol(centre: Centre, state: Path, *protect: Path, token: str = "good-token") -> Result:
    folders = [word for folder in protect for word in ("--protect", folder)]
    return agent("enrol", "--url", centre.url, "--token", token, "--device", "회계PC-03", "--state", state, *folders)


class Running:
    """`jikimi agent run` as a process."""

    def __init__(self, state: Path) -> None:
        command = [sys.executable, "-m", "jikimi", "agent", "run", "--state", str(state)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=ENOUGH)
        return self.process.returncode, said

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + ENOUGH
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def watching(state: Path) -> bool:
    """The status file says that every source has begun."""
    done = agent("status", "--state", state, "--json")
    if done.exit_code != 0:
        return False
    told = json.loads(done.stdout)["status"]
    return told is not None and all(source["state"] != "starting" for source in told["health"]["sources"].values())


def status(state: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(agent("status", "--state", state, "--json").stdout)["status"]
    return told


def stored(centre: Centre, **fields: Any) -> list[dict[str, Any]]:
    return [event for event in centre.stored() if all(event.get(name) == value for name, value in fields.items())]


class TestEnrol:
    def test_keeps_the_credential_where_only_its_owner_reads_it(
        self, centre: Centre, state: Path, documents: Path
    ) -> None:
        done = enrol(centre, state, documents)
        assert done.exit_code == 0, done.stderr
        assert (state / "credential.json").stat().st_mode & 0o077 == 0
        assert state.stat().st_mode & 0o077 == 0
        assert centre.enrolled[0]["device"] == "회계PC-03"
        assert centre.enrolled[0]["kind"] == "agent"

    def test_without_a_token_says_where_to_get_one(self, centre: Centre, state: Path) -> None:
        done = agent("enrol", "--url", centre.url, "--state", state)
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
        assert "token" in done.stderr

    def test_with_a_wrong_token_fails_and_leaves_nothing_behind(self, centre: Centre, state: Path) -> None:
        done = enrol(centre, state, token="stolen")
        assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
        assert "token" in done.stderr
        assert not state.exists()

    def test_says_when_the_centre_does_not_answer(self, state: Path) -> None:
        done = agent("enrol", "--url", "http://127.0.0.1:9", "--token", "t", "--state", state)
        assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
        assert "127.0.0.1:9" in done.stderr

    def test_names_the_folder_that_is_missing(self, centre: Centre, state: Path, tmp_path: Path) -> None:
        done = enrol(centre, state, tmp_path / "gone")
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
        assert str(tmp_path / "gone") in done.stderr
        assert not centre.enrolled, "the token must not be spent"

    def test_refuses_to_watch_its_own_state(self, centre: Centre, tmp_path: Path) -> None:
        done = enrol(centre, tmp_path / "state", tmp_path)
        assert done.exit_code == 2
        assert "--state" in done.stderr

    def test_says_when_the_state_folder_cannot_be_written(self, centre: Centre, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        done = enrol(centre, tmp_path / "file" / "state")
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
        assert "--state" in done.stderr

    def test_a_second_time_keeps_the_first_identity(self, centre: Centre, state: Path) -> None:
        enrol(centre, state)
        before = (state / "credential.json").read_bytes()
        done = enrol(centre, state)
        assert done.exit_code == 2
        assert "enrolled already" in done.stderr
        assert (state / "credential.json").read_bytes() == before


class TestRun:
    def test_what_happens_to_protected_files_reaches_the_centre(
        self, centre: Centre, state: Path, documents: Path
    ) -> None:
        enrol(centre, state, documents)
        with Running(state) as running:
            until(lambda: watching(state))
            for number in range(50):
                (documents / f"도면-{number}.dwg").write_text("x" * number)
            until(lambda: len(stored(centre, Action="create", Protected=True)) == 50)
            (documents / "도면-7.dwg").read_text()
            (documents / "도면-8.dwg").unlink()
            until(lambda: stored(centre, Action="delete", TargetFilename=str(documents / "도면-8.dwg")))
            assert running.stop() == (0, "")
        assert stored(centre, Action="read", TargetFilename=str(documents / "도면-7.dwg"))
        created = stored(centre, Action="create", TargetFilename=str(documents / "도면-9.dwg"))
        assert [(event["Hostname"], event["SizeBytes"]) for event in created] == [("회계PC-03", 9)]
        assert stored(centre, Kind="stopped")

    def test_beats_with_counters_a_source(self, centre: Centre, state: Path) -> None:
        enrol(centre, state)
        with Running(state) as running:
            until(lambda: centre.heartbeats)
            running.stop(signal.SIGINT)
        beat = centre.heartbeats[-1]
        assert set(beat) == {"version", "clock", "spool_bytes", "spool_events", "sources", "stopped"}
        assert [beat["stopped"] for beat in centre.heartbeats] == [False] * (len(centre.heartbeats) - 1) + [True]
        assert set(beat["sources"]) >= {"processes", "files", "media", "flows", "names"}
        assert set(beat["sources"]["files"]) >= {"seen", "sent", "dropped", "state", "mode", "reason"}

    def test_what_happens_while_the_centre_is_away_arrives_later(
        self, centre: Centre, state: Path, documents: Path
    ) -> None:
        enrol(centre, state, documents)
        centre.faults.extend([(503, {"error": "away"}, {})] * 3)
        with Running(state) as running:
            until(lambda: watching(state))
            (documents / "a").write_text("1")
            until(lambda: stored(centre, Action="create"))
            assert running.stop()[0] == 0

    def test_a_kill_loses_nothing_that_was_spooled_and_the_restart_tells_the_blind_time(
        self, centre: Centre, state: Path, documents: Path
    ) -> None:
        enrol(centre, state, documents)
        with Running(state) as running:
            until(lambda: watching(state))
            running.process.kill()
        (documents / "secretly.dwg").write_text("while nobody watched")
        with Running(state) as running:
            until(lambda: stored(centre, Kind="killed", Collector="agent"))
            until(lambda: stored(centre, Kind="blind", Collector="files"))
            until(lambda: stored(centre, Action="modify", TargetFilename=str(documents / "secretly.dwg")))
            running.stop()
        blind = stored(centre, Kind="blind", Collector="files")[0]
        assert blind["From"] < blind["To"]

    def test_kills_neither_lose_nor_double_a_line_of_a_followed_log(
        self, centre: Centre, state: Path, tmp_path: Path
    ) -> None:
        enrol(centre, state)
        log = tmp_path / "app.log"
        log.touch()
        settings = json.loads((state / "settings.json").read_text())
        settings["logs"] = {"journal": False, "files": [str(log)]}
        (state / "settings.json").write_text(json.dumps(settings))
        written = 0

        def write(some: int) -> None:
            nonlocal written
            with log.open("a") as file:
                file.writelines(f"line {written + number} of the story\n" for number in range(some))
            written += some

        def told() -> list[str]:
            return [m for event in centre.stored() if "of the story" in (m := str(event.get("message", "")))]

        for _ in range(3):
            with Running(state) as running:
                until(lambda: watching(state))
                for _ in range(5):
                    write(20)
                    time.sleep(0.4)
                until(told)
                running.process.kill()
            write(20)
        with Running(state) as running:
            until(lambda: len(told()) >= written)
            running.stop()
        assert sorted(told()) == sorted(f"line {number} of the story" for number in range(written))

    def test_a_second_agent_on_the_same_folder_is_told_so(self, centre: Centre, state: Path) -> None:
        enrol(centre, state)
        with Running(state):
            until(lambda: watching(state))
            done = run_agent(state)
            assert (done.returncode, done.stderr.count("\n")) == (1, 1)
            assert "already" in done.stderr

    def test_without_enrolment_says_what_to_do_first(self, state: Path) -> None:
        done = run_agent(state)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "jikimi agent enrol" in done.stderr

    def test_ends_when_the_centre_revoked_it(self, centre: Centre, state: Path) -> None:
        enrol(centre, state)
        centre.revoked = True
        done = run_agent(state)
        assert done.returncode == 1
        assert "revoked" in done.stderr


class TestStatus:
    def test_says_in_words_that_it_runs_and_reached_the_centre(
        self, centre: Centre, state: Path, documents: Path
    ) -> None:
        enrol(centre, state, documents)
        with Running(state) as running:
            until(lambda: watching(state) and "last reached" in agent("status", "--state", state).stdout)
            done = agent("status", "--state", state)
            assert done.exit_code == 0
            assert f"the agent runs (process {running.process.pid})" in done.stdout
            assert str(documents) in done.stdout
            running.stop()
        done = agent("status", "--state", state)
        assert done.exit_code == 1
        assert "does NOT run" in done.stdout

    def test_without_enrolment_is_a_usage_error(self, state: Path) -> None:
        done = agent("status", "--state", state)
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
    def test_of_another_users_agent_asks_for_that_user(self, centre: Centre, state: Path) -> None:
        enrol(centre, state)
        state.chmod(0o000)
        done = agent("status", "--state", state)
        state.chmod(0o700)
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


class TestTheCentresSettings:
    """Signed with the key that the agent pinned when it was enrolled."""

    @pytest.fixture
    def keys(self, centre: Centre, tmp_path: Path) -> ConfigKeys:
        keys = ConfigKeys.open(tmp_path / "keys")
        centre.config_key = keys.public
        return keys

    def offer(self, centre: Centre, keys: ConfigKeys, version: int, **settings: Any) -> None:
        now = utc_now()
        signed = keys.sign(Document("t1", "d1", version, now, now + VALID_FOR, settings=settings))
        centre.config = {"version": version, "decides": True, "signed": msgspec.to_builtins(signed)}

    def test_are_taken_by_the_running_agent_without_losing_anything(
        self, centre: Centre, state: Path, documents: Path, keys: ConfigKeys, tmp_path: Path
    ) -> None:
        other = tmp_path / "other"
        other.mkdir()
        self.offer(centre, keys, 2, protect=[str(other), str(tmp_path / "not here")], tell_processes=False)
        enrol(centre, state, documents)
        with Running(state) as running:
            until(lambda: any("its settings" in event.get("Reason", "") for event in stored(centre, Kind="heartbeat")))
            until(lambda: watching(state) and status(state)["protect"] == [str(other)])
            (other / "new.dwg").write_text("1")
            until(lambda: stored(centre, Action="create", TargetFilename=str(other / "new.dwg")))
            assert running.stop()[0] == 0
        assert not stored(centre, Kind="killed")
        assert not stored(centre, Kind="changed_by_hand")
        assert not stored(centre, Kind="config_refused")

    def test_of_a_stranger_change_nothing_and_are_told(
        self, centre: Centre, state: Path, documents: Path, keys: ConfigKeys, tmp_path: Path
    ) -> None:
        enrol(centre, state, documents)
        self.offer(centre, ConfigKeys.open(tmp_path / "stranger"), 2, protect=[])
        with Running(state) as running:
            until(lambda: stored(centre, Kind="config_refused"))
            until(lambda: watching(state))
            (documents / "a").write_text("1")
            until(lambda: stored(centre, Action="create", Protected=True))
            running.stop()
        (said,) = stored(centre, Kind="config_refused")
        assert "not among the 1 trusted" in said["Reason"]
