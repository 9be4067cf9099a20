"""Gives unused memory back to the system: what starting took, and what a burst left behind."""

import ctypes


def give_back() -> None:
    """malloc_trim(3), where the C library has it (glibc); Python frees to the C library, which would keep it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def one_arena() -> None:
    """mallopt(3), M_ARENA_MAX: threads share one heap, since glibc would keep up to eight a core, each with its waste.

    To be called before the first thread starts.
    """
    option = getattr(ctypes.CDLL(None), "mallopt", None)
    if option is not None:
        option(ctypes.c_int(-8), ctypes.c_int(1))
