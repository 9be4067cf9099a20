"""Gives unused memory back to the system: what starting took, and what a burst left behind."""

import ctypes
import gc
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

_DONT_NEED = 4
COLLECT_AFTER = 10_000
"""Objects; a round of records or flows makes that many, and none of them is ever part of a cycle."""


def give_back() -> None:
    """malloc_trim(3), where the C library has it (glibc); Python frees to the C library, which would keep it."""
    if trim := _of_the_c_library("malloc_trim"):
        trim(0)
    if sys.platform == "linux":
        with suppress(OSError):
            _forget_code()


def _forget_code() -> None:
    """Take the pages of programs and libraries out of the process, with madvise(2), MADV_DONTNEED: most were needed to
    start and never again. What is used comes back from the system's page cache at once. Raises OSError without /proc.

    Only code is safe to treat so: nobody writes to it, while the pages of data hold what the loader wrote there.
    """
    if (advise := _of_the_c_library("madvise")) is None:
        return
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        span, rights, _, _, inode, *_ = line.split(None, 5)
        if rights == "r-xp" and inode != "0":
            start, _, end = span.partition("-")
            begin = int(start, 16)
            advise(ctypes.c_void_p(begin), ctypes.c_size_t(int(end, 16) - begin), ctypes.c_int(_DONT_NEED))


def rarely_collect() -> None:
    """Look for cycles of dead objects after thousands of new ones, and never among those of the start: they stay."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 10, 10)


def one_arena() -> None:
    """mallopt(3). M_ARENA_MAX: threads share one heap, since glibc would keep up to eight a core, each with its waste.
    M_MMAP_THRESHOLD, M_TRIM_THRESHOLD: a batch and its copies are mapped apart and go back at once, where glibc would
    learn from the first to keep the next in the heap.

    To be called before the first thread starts.
    """
    if option := _of_the_c_library("mallopt"):
        for name, value in ((-8, 1), (-3, 64 << 10), (-1, 128 << 10)):
            option(ctypes.c_int(name), ctypes.c_int(value))


def _of_the_c_library(name: str) -> Any:
    return None if sys.platform == "win32" else getattr(ctypes.CDLL(None), name, None)
