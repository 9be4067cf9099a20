"""`python -m collectors`: the agent's own program, what `jikimi agent run` becomes.

It loads what watching takes and nothing else, for it stays in a client's memory day and night.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from collectors.trim import one_arena
from jikimi.errors import JikimiError, exit_code, first_of_ours

NOT_NEEDED = ("rich", "greenlet", "typing_extensions")
"""structlog, SQLAlchemy's greenlet and msgspec load these where they are installed, for coloured tracebacks that nobody
sees here and for older Pythons: 7 MB. All go on without them."""


def main(words: Sequence[str] | None = None) -> int:
    """The exit code: 0 when asked to stop, 2 for what a person has to mend, 1 for the rest."""
    parser = argparse.ArgumentParser("python -m collectors", description="Watch this computer until SIGTERM or Ctrl-C.")
    parser.add_argument("--state", type=Path, help="folder of this agent")
    parser.add_argument("--verbose", "-v", action="store_true", help="show every log line")
    parser.add_argument("--restarts", type=int, default=0, help="how often it was too heavy before")
    asked = parser.parse_args(words)
    leave_out(NOT_NEEDED)
    one_arena()

    from collectors import agent
    from collectors.settings import StateDir, default_state_dir
    from jikimi.logs import set_up_logs

    set_up_logs(verbose=asked.verbose)
    try:
        anew = asyncio.run(agent.run(StateDir(asked.state or default_state_dir()), restarts=asked.restarts))
    except (JikimiError, BaseExceptionGroup) as error:
        ours = first_of_ours(error)
        if ours is None:
            raise
        print(f"jikimi: {ours}", file=sys.stderr)  # noqa: T201 - the sentence for people
        return exit_code(ours)
    if anew:
        start_anew(asked.restarts + anew.too_heavy)
    return 0


def start_anew(restarts: int) -> NoReturn:
    """The same process goes on as a fresh agent, with the words it was started with."""
    words = [word for word in sys.orig_argv if not word.startswith("--restarts")]
    sys.stderr.flush()
    os.execv(sys.executable, [*words, f"--restarts={restarts}"])  # noqa: S606 - no shell, and every word is ours


def leave_out(names: Sequence[str]) -> None:
    """From now on importing them fails as if they were not installed."""
    for name in names:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # what Python documents for it


if __name__ == "__main__":
    sys.exit(main())
