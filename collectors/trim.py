"""Gives unused memory back to the system: what starting took, and what a burst left behind."""

import ctypes
import sys
from typing import Any


def give_back() -> None:
    """malloc_trim(3), where the C library has it (glibc); Python frees to the C library, which would keep it."""
    if trim := _of_the_c_library("malloc_trim"):
        trim(0)


def one_arena() -> None:
    """mallopt(3), M_ARENA_MAX: threads share one heap, since glibc would keep up to eight a core, each with its waste.

    To be called before the first thread starts.
    """
    if option := _of_the_c_library("mallopt"):
        option(ctypes.c_int(-8), ctypes.c_int(1))


def _of_the_c_library(name: str) -> Any:
    return None if sys.platform == "win32" else getattr(ctypes.CDLL(None), name, None)
