"""The systemd journal as it grows, through `journalctl --follow`: each entry once, also over restarts of the agent."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

import orjson

ROUND = 1 << 18
LONGEST = 1 << 22
"""Bytes of one entry; a longer one (a core dump's text) is passed over and counted."""


class JournalFollower:
    """`cursor` is where an earlier life stopped; without one reading begins now. `options` narrow the journal.

    Raises OSError when journalctl is not there or ends.
    """

    def __init__(self, cursor: str = "", options: Sequence[str] = ()) -> None:
        program = shutil.which("journalctl")
        if program is None:
            raise FileNotFoundError("journalctl is not installed")
        start = f"--after-cursor={cursor}" if cursor else "--lines=0"
        # --all: journalctl writes null for a text of more than 4096 bytes, which is what an attacker would make of it
        words = [program, "--output=json", "--all", "--follow", "--no-pager", "--quiet", start, *options]
        self._process = subprocess.Popen(  # noqa: S603 - no shell, and every word is ours
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self._process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        os.set_blocking(self._process.stdout.fileno(), False)
        self._part = b""
        self.cursor = cursor
        self.lost = 0
        """Entries that were too long or no JSON, for the caller to tell and set back."""
        self._passing_over = False

    def fileno(self) -> int:
        assert self._process.stdout is not None  # noqa: S101 - the same
        return self._process.stdout.fileno()

    def entries(self) -> list[dict[str, Any]]:
        """What came since, at most a round of it."""
        try:
            chunk = os.read(self.fileno(), ROUND)
        except BlockingIOError:
            return []
        if not chunk:
            raise OSError(f"journalctl ended: {self._last_words()}")
        *lines, self._part = (self._part + chunk).split(b"\n")
        if self._passing_over and lines:
            self._passing_over = False
            del lines[0]
        if len(self._part) > LONGEST or self._passing_over:
            self.lost += not self._passing_over
            self._passing_over, self._part = True, b""
        found = [entry for line in lines if (entry := self._entry(line)) is not None]
        if found and isinstance(last := found[-1].get("__CURSOR"), str):
            self.cursor = last
        return found

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _entry(self, line: bytes) -> dict[str, Any] | None:
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            self.lost += 1
            return None
        return value if isinstance(value, dict) else None

    def _last_words(self) -> str:
        _, told = self._process.communicate()
        return told.decode("utf-8", "replace").strip()[-300:] or f"exit code {self._process.returncode}"


def has_journal() -> bool:
    """Does systemd keep a journal here that this process may read?"""
    kept = any(os.path.isdir(folder) and os.listdir(folder) for folder in ("/run/log/journal", "/var/log/journal"))
    return kept and os.path.exists("/run/systemd/journal/socket")
