"""The examining process seen from the agent: started when there is something to examine, ended when idle, replaced when
it hangs or dies."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec

Answer = TypeVar("Answer")

PATIENCE = 90.0
"""Seconds for one answer; the process itself gives a file up sooner."""
LONGEST_ANSWER = 4 << 20


class Worker(Generic[Answer]):
    """One question at a time to `python -m MODULE ARGUMENTS`. `failed` makes the answer that stands for none, from a
    sentence; `own` is the set of process ids whose file accesses are the agent's own."""

    def __init__(
        self,
        module: Sequence[str],
        answer: type[Answer],
        failed: Callable[[str], Answer],
        own: set[int],
        *,
        patience: float = PATIENCE,
    ) -> None:
        self._module = module
        self._failed = failed
        self._own = own
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._decoder = msgspec.json.Decoder(answer)
        self._encoder = msgspec.json.Encoder()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def ask(self, request: msgspec.Struct) -> Answer:
        """Always an answer: the `failed` one when the process died or did not answer in time."""
        try:
            process = self._process or self._start()
            assert process.stdin is not None  # noqa: S101 - for the type checker: it is a pipe
            process.stdin.write(self._encoder.encode(request) + b"\n")
            process.stdin.flush()
            return self._decoder.decode(self._line(process))
        except (OSError, msgspec.MsgspecError) as error:
            self.close(kill=True)
            return self._failed(f"examining it ended the examining process ({error})")

    def close(self, *, kill: bool = False) -> None:
        """The process ends when its input does."""
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            process.kill()
        try:
            process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        self._own.discard(process.pid)

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", *self._module]
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._own.add(self._process.pid)
        return self._process

    def _line(self, process: subprocess.Popen[bytes]) -> bytes:
        """Raises OSError (closed, too slow, too long)."""
        assert process.stdout is not None  # noqa: S101 - the same
        number, until, line = process.stdout.fileno(), time.monotonic() + self._patience, b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([number], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError(f"no answer within {self._patience:.0f} s")
            if not (chunk := os.read(number, 1 << 16)):
                raise BrokenPipeError("it ended")
            line += chunk
            if len(line) > LONGEST_ANSWER:
                raise OSError("its answer has no end")
        return line
