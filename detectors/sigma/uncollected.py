"""A time without garbage collections.

pySigma makes dozens of objects a value, and nearly all of them live until a rule is read. Python looks through all that
live again and again while they grow, which for 300,000 values took a quarter of the time.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Objects that hold each other stay until the end of it; all others go at once, as always."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
