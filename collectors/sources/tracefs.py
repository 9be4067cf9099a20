"""Tracepoints as tracefs describes them: their number and where their fields lie (Documentation/trace/events.rst).

Where tracefs is mounted nowhere (or hidden, as in `ip netns exec`), a detached mount of it is read and forgotten, so
that the machine's own mounts stay as they are (fsopen(2), Linux 5.2).
"""

import ctypes
import os
import re
from contextlib import closing
from typing import NamedTuple

USUAL = "/sys/kernel/tracing"
FSOPEN, FSCONFIG, FSMOUNT = 430, 431, 432
"""System call numbers, the same on every architecture since they came."""
CLOEXEC = 1
CONFIG_CREATE = 6

_FIELD = re.compile(
    r"field:(?P<type>[^;]*?)\b(?P<name>\w+)(?:\[\w*\])?;\s*offset:(?P<offset>\d+);\s*size:(?P<size>\d+);"
)
_ID = re.compile(r"^ID: (\d+)$", re.MULTILINE)


class Tracepoint(NamedTuple):
    """`offsets` by field name, in bytes from the record's beginning."""

    id: int
    offsets: dict[str, int]


class Tracefs:
    """An open tracefs. Raises OSError (EPERM without root, ENODEV where the kernel has none)."""

    def __init__(self, usual: str = USUAL) -> None:
        if os.path.isdir(f"{usual}/events"):
            self._root = os.open(usual, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        else:
            self._root = _detached()

    def tracepoint(self, name: str) -> Tracepoint:
        """`name` is "sched/sched_process_exec". Raises OSError when the kernel has no such event."""
        described = os.open(f"events/{name}/format", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._root)
        with open(described, encoding="ascii") as file:
            return parse(file.read())

    def close(self) -> None:
        os.close(self._root)


def tracepoints(*names: str) -> list[Tracepoint]:
    """Raises OSError."""
    with closing(Tracefs()) as tracefs:
        return [tracefs.tracepoint(name) for name in names]


def parse(text: str) -> Tracepoint:
    """A `format` file. Raises OSError when it is none."""
    number = _ID.search(text)
    if number is None:
        raise OSError("tracefs describes its events in a way this agent does not know")
    return Tracepoint(int(number[1]), {found["name"]: int(found["offset"]) for found in _FIELD.finditer(text)})


def _detached() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    context = _checked(libc.syscall(ctypes.c_long(FSOPEN), b"tracefs", ctypes.c_uint(CLOEXEC)))
    try:
        nothing = ctypes.c_void_p(None)
        _checked(
            libc.syscall(
                ctypes.c_long(FSCONFIG), ctypes.c_int(context), ctypes.c_uint(CONFIG_CREATE), nothing, nothing, 0
            )
        )
        return _checked(
            libc.syscall(ctypes.c_long(FSMOUNT), ctypes.c_int(context), ctypes.c_uint(CLOEXEC), ctypes.c_uint(0))
        )
    finally:
        os.close(context)


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), "tracefs")
    return int(result)
