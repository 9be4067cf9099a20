"""The files of the services name this program and this agent's folder."""

import plistlib
import shlex
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from collectors.settings import StateDir
from jikimi.cli.agent_service import PLIST, ROLLBACK, SERVICE, _write, install, uninstall
from jikimi.cli.agent_upgrade import usual_restart
from jikimi.errors import Misconfigured


def test_the_unit_starts_this_program_on_this_agents_folder(tmp_path: Path) -> None:
    _write(tmp_path, "collectors.linux", (SERVICE, ROLLBACK), Path("/srv/agent"))
    unit = (tmp_path / SERVICE).read_text()
    assert "agent run --state /srv/agent\n" in unit
    assert "ConditionPathExists=/srv/agent/credential.json" in unit
    assert "/opt/jikimi/current" not in unit
    assert "Type=notify" in unit


def test_the_launchd_file_is_a_property_list_that_runs_the_agent() -> None:
    told = plistlib.loads(files("collectors.macos").joinpath(PLIST).read_bytes())
    assert told["ProgramArguments"][1:3] == ["agent", "run"]


def test_the_launchd_file_names_this_agents_folder(tmp_path: Path) -> None:
    _write(tmp_path, "collectors.macos", (PLIST,), Path("/srv/agent"))
    assert plistlib.loads((tmp_path / PLIST).read_bytes())["ProgramArguments"][-1] == "/srv/agent"


def script(file: Path, line: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{line}\n")
    file.chmod(0o755)


@pytest.mark.skipif(sys.platform != "linux", reason="systemd")
def test_service_files_are_renewed_where_there_are_some_and_only_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "systemctl", f'echo "$@" >> {tmp_path}/asked')
    monkeypatch.setenv("PATH", str(tmp_path))
    install(tmp_path / "state", into=tmp_path, files_only=True)
    assert not (tmp_path / SERVICE).exists()
    (tmp_path / SERVICE).write_text("of an older version")
    install(tmp_path / "state", into=tmp_path, files_only=True)
    assert f"agent run --state {tmp_path}/state\n" in (tmp_path / SERVICE).read_text()
    assert "agent roll-back" in (tmp_path / ROLLBACK).read_text()
    assert (tmp_path / "asked").read_text() == "daemon-reload\n"


@pytest.mark.skipif(sys.platform != "linux", reason="systemd")
@pytest.mark.parametrize("knows", ["true", "false"])
def test_after_a_switch_the_version_that_is_current_brings_its_service_files_and_starts_even_if_it_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, knows: str
) -> None:
    script(tmp_path / "opt" / "current" / "jikimi", f'echo jikimi "$@" >> {tmp_path}/asked; {knows}')
    script(tmp_path / "bin" / "systemctl", f'echo systemctl "$@" >> {tmp_path}/asked')
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    subprocess.run(shlex.split(usual_restart(tmp_path / "opt", Path("/srv/an agent"))), check=True)
    assert (tmp_path / "asked").read_text().splitlines() == [
        "jikimi agent install --files-only --state /srv/an agent",
        f"systemctl reset-failed {SERVICE}",
        f"systemctl restart {SERVICE}",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="systemd")
def test_an_agent_whose_service_is_off_already_can_still_say_farewell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "systemctl", '[ "$1" = daemon-reload ]')  # it knows no such unit any more
    monkeypatch.setenv("PATH", str(tmp_path))
    told: list[Path] = []

    async def farewell(state: StateDir, _: str) -> None:
        told.append(state.root)

    monkeypatch.setattr("collectors.farewell.farewell", farewell)
    (tmp_path / "state").mkdir()
    uninstall(tmp_path / "state", into=tmp_path)
    assert told == [tmp_path / "state"]
    assert not (tmp_path / "state").exists()


def test_a_folder_that_cannot_be_written_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="run this as administrator"):
        _write(tmp_path / "missing", "collectors.linux", (SERVICE,), Path("/srv/agent"))
