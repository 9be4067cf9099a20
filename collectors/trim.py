"""Gives unused memory back to the system: what starting took, and what a burst left behind."""

import ctypes


def give_back() -> None:
    """malloc_trim(3), where the C library has it (glibc); Python frees to the C library, which would keep it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
