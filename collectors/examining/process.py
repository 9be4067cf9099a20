"""The examining process's own side: bounded, last in every queue, one answer a request."""

import ctypes
import os
import platform
import resource
import signal
import sys
from collections.abc import Callable

import msgspec

_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_IDLE = 3 << 13


def serve(
    answer: Callable[[bytes], msgspec.Struct], too_long: Callable[[str], Exception], *, memory: int, seconds: float
) -> None:
    """Answers lines of stdin on stdout until it ends. `memory` bytes of address space; after `seconds`, `too_long` is
    raised inside `answer`, which also ends what never looks at a clock (a page of a PDF that takes minutes)."""

    def end(*_: object) -> None:
        raise too_long("examining took too long")

    _lower(memory)
    signal.signal(signal.SIGALRM, end)
    out = sys.stdout.buffer
    for line in sys.stdin.buffer:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            told = answer(line)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        out.write(msgspec.json.encode(told) + b"\n")
        out.flush()


def _lower(memory: int) -> None:
    """The least of processor and disk (ioprio_set(2), class idle), and an end to memory."""
    os.nice(19)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number := _IOPRIO_SET.get(platform.machine()):
        ctypes.CDLL(None).syscall(number, 1, 0, _IDLE)
