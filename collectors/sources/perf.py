"""perf_event_open(2): the kernel's own record of processes and tracepoints, in one shared ring a processor.

The kernel takes everything back when the descriptors close, also after SIGKILL; nothing is left behind as an instance
of tracefs would be. Layouts are `struct perf_event_attr`, `perf_event_mmap_page` and the PERF_RECORD_* of
<linux/perf_event.h>.
"""

import ctypes
import fcntl
import mmap
import os
import platform
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import NamedTuple, Self

SYSCALL = {"x86_64": 298, "aarch64": 241, "riscv64": 241, "ppc64le": 319, "s390x": 331, "armv7l": 364, "i686": 336}

TYPE_SOFTWARE, TYPE_TRACEPOINT, DUMMY = 1, 2, 9
SAMPLE_TID, SAMPLE_TIME, SAMPLE_RAW = 0x2, 0x4, 0x400
TASK, WATERMARK, SAMPLE_ID_ALL, USE_CLOCK_ID = 1 << 13, 1 << 14, 1 << 18, 1 << 25
FLAG_CLOEXEC = 8
SET_OUTPUT, SET_FILTER = 0x2405, 0x40082406

ATTRIBUTES = struct.Struct("=IIQQQQQIIQQQQIiQII")
"""Up to `aux_watermark`, PERF_ATTR_SIZE_VER5."""
HEADER = struct.Struct("=IHH")
TASK_RECORD = struct.Struct("=8xIIIIQ")  # pid, ppid, tid, ptid, time
SAMPLE = struct.Struct("=8xIIQI")  # pid, tid, time, size of the raw data
LOST_RECORD = struct.Struct("=8xQQ")
RECORD_LOST, RECORD_EXIT, RECORD_FORK, RECORD_SAMPLE = 2, 4, 7, 9

_HEAD, _TAIL = 1024, 1032
_NUMBER = struct.Struct("=Q")
_ALL_RINGS = 2 << 20
_URGENT = 16 << 10
"""Bytes a processor for what is urgent: a hundred starts of programs."""
ONLINE = "/sys/devices/system/cpu/online"


class Wanted(NamedTuple):
    """A tracepoint; `urgent` = told a second time, at once, in a ring that wakes the reader; `only` in the kernel's
    filter language (trace/events.rst)."""

    id: int
    only: str = ""
    urgent: bool = False


class Record(NamedTuple):
    """`at` = nanoseconds of CLOCK_MONOTONIC. FORK and EXIT: `other` is the parent; SAMPLE: `raw` is the tracepoint's
    record; LOST: `other` records are missing."""

    at: int
    kind: int
    pid: int
    tid: int
    other: int = 0
    raw: bytes = b""


_record = partial(tuple.__new__, Record)
"""Takes the fields as one tuple: a third of the time of `Record(...)`, and there are thousands."""


class Rings:
    """One ring a processor, with forks and exits of all processes and the tracepoints `wanted`; beside it a small one
    with what is urgent, so that nothing else has to be looked at when a program starts.

    Raises OSError: EPERM or EACCES without root, ENOSYS or EINVAL where the kernel cannot.
    """

    def __init__(self, wanted: Sequence[Wanted]) -> None:
        self._call = _system_call()
        self._cpus = _text(ONLINE)
        cpus = list(_numbers(self._cpus))
        self._size = _ring_bytes(len(cpus))
        self._rings: list[_Ring] = []
        self._urgent: list[_Ring] = []
        with ExitStack() as opened:
            for cpu in cpus:
                self._open(cpu, wanted, opened)
            self._opened = opened.pop_all()

    def filenos(self) -> list[int]:
        """To poll: readable when a ring is half full."""
        return [ring.descriptor for ring in self._rings]

    def urgent_filenos(self) -> list[int]:
        """To poll: readable when something urgent came."""
        return [ring.descriptor for ring in self._urgent]

    def read(self) -> list[Record]:
        """What waits, in the order it happened."""
        found = _all(self._rings)
        if len(self._rings) > 1:
            found.sort()
        return found

    def read_urgent(self) -> list[Record]:
        """What is urgent and waits; it comes, or came, with `read` too. Some may be missing when there is much."""
        return _all(self._urgent)

    def cpus_changed(self) -> bool:
        """A processor came or went since: the rings have to be opened anew."""
        return _text(ONLINE) != self._cpus

    def _open(self, cpu: int, wanted: Sequence[Wanted], opened: ExitStack) -> None:
        tasks = self._event(cpu, TYPE_SOFTWARE, DUMMY, TASK | SAMPLE_ID_ALL | WATERMARK, self._size // 2)
        opened.callback(os.close, tasks)
        self._rings.append(opened.enter_context(_Ring(tasks, self._size)))
        for one in wanted:
            event = self._tracepoint(cpu, one, opened)
            fcntl.ioctl(event, SET_OUTPUT, tasks)
            if one.urgent:
                self._urgent.append(opened.enter_context(_Ring(self._tracepoint(cpu, one, opened, wake=1), _URGENT)))

    def _tracepoint(self, cpu: int, one: Wanted, opened: ExitStack, *, wake: int = 0) -> int:
        """`wake` = after how many records the reader is woken; 0 = by the ring's watermark."""
        event = self._event(cpu, TYPE_TRACEPOINT, one.id, 0 if wake else WATERMARK, wake)
        opened.callback(os.close, event)
        if one.only:
            fcntl.ioctl(event, SET_FILTER, one.only.encode() + b"\0")
        return event

    def _event(self, cpu: int, kind: int, config: int, flags: int, wake: int) -> int:
        sample = SAMPLE_TID | SAMPLE_TIME | (SAMPLE_RAW if kind == TYPE_TRACEPOINT else 0)
        flags |= USE_CLOCK_ID
        described = ATTRIBUTES.pack(
            kind, ATTRIBUTES.size, config, 1, sample, 0, flags, wake, 0, 0, 0, 0, 0, 0, time.CLOCK_MONOTONIC, 0, 0, 0
        )
        return self._call(described, cpu)

    def close(self) -> None:
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class _Ring:
    """`size` bytes of an event's records, a power of two."""

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor = descriptor
        self._size = size
        self._memory = mmap.mmap(descriptor, mmap.PAGESIZE + size)

    def take(self) -> bytes:
        """What waits."""
        memory = self._memory
        (head,), (tail,) = _NUMBER.unpack_from(memory, _HEAD), _NUMBER.unpack_from(memory, _TAIL)
        if head == tail:
            return b""
        start, end = mmap.PAGESIZE + tail % self._size, mmap.PAGESIZE + head % self._size
        waiting = memory[start:end] if start < end else memory[start:] + memory[mmap.PAGESIZE : end]
        _NUMBER.pack_into(memory, _TAIL, head)
        return waiting

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._memory.close()


def _all(rings: Sequence[_Ring]) -> list[Record]:
    return [record for ring in rings if (waiting := ring.take()) for record in records(waiting)]


def records(waiting: bytes) -> list[Record]:
    """The records in a piece of a ring; unknown kinds are passed over, and so are threads that begin and end."""
    found: list[Record] = []
    at, last = 0, len(waiting) - HEADER.size
    header, sample = HEADER.unpack_from, SAMPLE.unpack_from
    while at <= last:
        kind, _, size = header(waiting, at)
        if size < HEADER.size:
            break
        if kind == RECORD_SAMPLE:
            pid, tid, when, length = sample(waiting, at)
            start = at + SAMPLE.size
            found.append(_record((when, kind, pid, tid, 0, waiting[start : start + length])))
        elif kind in (RECORD_FORK, RECORD_EXIT):
            pid, parent, tid, _, when = TASK_RECORD.unpack_from(waiting, at)
            if pid != parent if kind == RECORD_FORK else pid == tid:
                found.append(_record((when, kind, pid, tid, parent, b"")))
        elif kind == RECORD_LOST:
            _, count = LOST_RECORD.unpack_from(waiting, at)
            found.append(Record(0, kind, 0, 0, count))
        at += size
    return found


def _system_call() -> "_PerfEventOpen":
    number = SYSCALL.get(platform.machine())
    if number is None:
        raise OSError(f"no kernel event records on {platform.machine()}")
    return _PerfEventOpen(number)


class _PerfEventOpen:
    """All processes on one processor."""

    def __init__(self, number: int) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._number = ctypes.c_long(number)

    def __call__(self, described: bytes, cpu: int) -> int:
        every, no_group, flags = ctypes.c_int(-1), ctypes.c_int(-1), ctypes.c_ulong(FLAG_CLOEXEC)
        opened: int = self._libc.syscall(self._number, described, every, ctypes.c_int(cpu), no_group, flags)
        if opened < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), "perf_event_open")
        return opened


def _ring_bytes(cpus: int) -> int:
    """A power of two; all rings together take about `_ALL_RINGS`, one at least 64 KiB and at most 256 KiB."""
    size = 256 << 10
    while size * cpus > _ALL_RINGS and size > 64 << 10:
        size //= 2
    return size


def _numbers(text: str) -> Iterator[int]:
    """ "0-3,8" → 0, 1, 2, 3, 8."""
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def _text(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()
