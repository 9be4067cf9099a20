"""The files of the services name this program and this agent's folder."""

import plistlib
from importlib.resources import files
from pathlib import Path

import pytest

from jikimi.cli.agent_service import PLIST, SERVICE, _write
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


def test_a_folder_that_cannot_be_written_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="run this as administrator"):
        _write(tmp_path / "missing", "collectors.linux", (SERVICE,), Path("/srv/agent"))
