"""`python -m collectors.leak INDEX`: the examining process. One request a line on stdin, one answer a line on stdout.

It opens what people made, so it is bounded: memory, the lowest priority for processor and disk, seconds a file.
"""

import ctypes
import os
import platform
import resource
import signal
import sys
from pathlib import Path

import msgspec

from collectors.leak.asked import Answer, Request
from collectors.leak.budget import Caps, Exhausted
from collectors.leak.examiner import Examiner
from collectors.leak.registry import Registry

MEMORY = 512 << 20
"""Bytes of address space."""
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_IDLE = 3 << 13


def main() -> int:
    _lower()
    caps = Caps()
    registry = Registry(Path(sys.argv[1]))
    examiner = Examiner(registry, caps)
    decoder = msgspec.json.Decoder(Request)
    signal.signal(signal.SIGALRM, _too_long)
    out = sys.stdout.buffer
    if registry.rebuilt:
        sys.stderr.write("the index of protected documents was damaged and is made anew\n")
    for line in sys.stdin.buffer:
        out.write(msgspec.json.encode(_answer(examiner, decoder.decode(line), caps.seconds)) + b"\n")
        out.flush()
    registry.close()
    return 0


def _answer(examiner: Examiner, request: Request, seconds: float) -> Answer:
    """Also ends what never asks its budget (a page of a PDF that takes minutes)."""
    signal.setitimer(signal.ITIMER_REAL, seconds + 5)
    try:
        return examiner.answer(request)
    except Exhausted as error:
        return Answer("failed", str(error))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _too_long(*_: object) -> None:
    raise Exhausted("examining took too long")


def _lower() -> None:
    """The least of processor and disk (ioprio_set(2), class idle), and an end to memory."""
    os.nice(19)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number := _IOPRIO_SET.get(platform.machine()):
        ctypes.CDLL(None).syscall(number, 1, 0, _IDLE)


if __name__ == "__main__":
    sys.exit(main())
