"""`python -m collectors`, the program that `jikimi agent run` becomes."""

import subprocess
import sys
from pathlib import Path


def test_the_agent_holds_no_command_line_library_and_no_pydantic() -> None:
    code = (
        "import sys; from collectors.__main__ import NOT_NEEDED, leave_out; leave_out(NOT_NEEDED)\n"
        "import collectors.agent\n"
        "print(*(name for name, module in sys.modules.items() if module))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in ran.stdout.split()}
    assert {"collectors", "structlog"} <= loaded
    assert not loaded & {
        "click",
        "cryptography",
        "greenlet",
        "httpx",
        "pydantic",
        "pygments",
        "rich",
        "sqlalchemy",
        "typer",
    }


def test_an_agent_that_is_not_enrolled_says_so_in_one_sentence_and_exits_2(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "collectors", "--state", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == f"jikimi: {tmp_path}/credential.json: not enrolled yet; run `jikimi agent enrol`\n"
