"""The bundle's one program stands in for `python -P -m MODULE`, for the agent's own modules only."""

import subprocess
import sys
from pathlib import Path

OURS = Path(__file__).parents[2]


def ran(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jikimi.cli.frozen", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=OURS)


def test_the_agents_own_programs_run_with_their_words(tmp_path: Path) -> None:
    told = ran("-P", "-m", "collectors", "--state", str(tmp_path))
    assert told.returncode == 2
    assert "not enrolled yet" in told.stderr


def test_no_other_module_runs() -> None:
    told = ran("-P", "-m", "timeit", "-n1", "print('run')")
    assert told.returncode != 0
    assert "run" not in told.stdout
