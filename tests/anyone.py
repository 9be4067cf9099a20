"""Denied access, also for tests that root runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

NOBODY = 65534


@contextmanager
def as_anyone() -> Iterator[None]:
    """Within, files are opened with the rights of an ordinary user: root's own are given up and taken back."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
