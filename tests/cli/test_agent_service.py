"""The files of the services name this program and this agent's folder."""

import plistlib
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from collectors.settings import StateDir
from jikimi.cli.agent_service import PLIST, SERVICE, _write, uninstall
from jikimi.errors import Misconfigured


def test_the_unit_starts_this_program_on_this_agents_folder(tmp_path: Path) -> None:
    _write(tmp_path, "collectors.linux", (SERVICE, "jikimi-agent-rollback.service"), Path("/srv/agent"))
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


@pytest.mark.skipif(sys.platform != "linux", reason="systemd")
def test_an_agent_whose_service_is_off_already_can_still_say_farewell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemctl = tmp_path / "systemctl"
    systemctl.write_text('#!/bin/sh\n[ "$1" = daemon-reload ]\n')  # it knows no such unit any more
    systemctl.chmod(0o755)
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
