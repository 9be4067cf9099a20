"""What systemd is told, and what it does when it has given the agent up."""

import os
import re
import shlex
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

UNITS = ("jikimi-agent.service", "jikimi-agent-rollback.service")


def unit(name: str) -> str:
    return files("collectors.linux").joinpath(name).read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for name in UNITS:
        (tmp_path / name).write_text(unit(name).replace("/opt/jikimi/current/jikimi", "/bin/true"))
    words = ["systemd-analyze", "verify", *(str(tmp_path / name) for name in UNITS)]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    said = [line for line in ran.stderr.splitlines() if "jikimi" in line]
    assert said == []


def given_up(tmp_path: Path, *, enabled: bool = True) -> list[str]:
    """Runs the rollback unit's command with programs that only say what they were asked."""
    told = tmp_path / "told"
    told.touch()
    for name in ("systemctl", "sleep", "opt/previous/jikimi"):
        program = tmp_path / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(
            f'#!/bin/sh\necho "${{0##*/}} $*" >> {told}\n[ "$2" != is-enabled ] || {str(enabled).lower()}\n'
        )
        program.chmod(0o755)
    command = re.findall(r"^ExecStart=(.*)$", unit(UNITS[1]), re.MULTILINE)[0].replace("/opt/jikimi", f"{tmp_path}/opt")
    subprocess.run(shlex.split(command), check=True, env={**os.environ, "PATH": f"{tmp_path}:/usr/bin:/bin"})
    return told.read_text().splitlines()


def test_an_agent_given_up_during_an_upgrade_is_put_back_by_the_version_before(tmp_path: Path) -> None:
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt" / "upgrade.json").touch()
    assert given_up(tmp_path) == ["jikimi agent roll-back --state /var/lib/jikimi-agent"]


def test_an_agent_given_up_for_another_reason_is_started_again_later(tmp_path: Path) -> None:
    told = given_up(tmp_path)
    assert told[-2:] == ["systemctl reset-failed jikimi-agent", "systemctl start jikimi-agent"]
    assert told[0].startswith("sleep ")


def test_an_agent_that_was_switched_off_stays_off(tmp_path: Path) -> None:
    assert [line for line in given_up(tmp_path, enabled=False) if " start " in line] == []
