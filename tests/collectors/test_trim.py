"""Memory that nobody uses goes back to the system."""

import ctypes
import sys
from pathlib import Path

import orjson
import pytest

from collectors.trim import give_back

PIECE = 64 * 1024
"""Below malloc's own limit for memory that it maps, and so returns, apart."""


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="only glibc keeps and trims")
def test_what_was_freed_below_something_still_in_use_is_given_back() -> None:
    pieces = [bytearray(b"x") * PIECE for _ in range(512)]
    kept = pieces[-1]
    del pieces
    before = resident()
    give_back()
    assert before - resident() > 16 * 1024 * 1024
    assert len(kept) == PIECE


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_code_that_only_starting_needed_is_given_back_and_comes_when_it_is_called() -> None:
    assert orjson.loads(b"[1]") == [1]
    before = resident()
    give_back()
    assert resident() < before
    assert orjson.loads(b"[1]") == [1]
