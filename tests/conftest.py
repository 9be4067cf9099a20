"""Fixtures of several rooms."""

import gc
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from tests.integration.kafka.broker import kafka_broker
from tests.small_disk import small_disk

__all__ = ["kafka_broker", "small_disk"]

TESTS = Path(__file__).parent
LAB = TESTS / "lab"

# A machine that others keep busy makes any example slow: no test may fail by the clock.
settings.register_profile("jikimi", deadline=None)
settings.load_profile("jikimi")

# Tests in the background of a shell inherit that Ctrl-C is ignored, and would hand it on to commands they interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Processes share the work by files (`make test`); the lab, which waits most, begins at once and stays in one."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.relative_to(TESTS).as_posix()))
    items.sort(key=lambda item: LAB not in item.path.parents)


@pytest.fixture(autouse=True, scope="module")
def _nothing_that_stays_is_looked_through_again() -> None:
    """Garbage is collected often (loading rules does): thousands of tests and all libraries need no look each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _logs_of_their_own() -> Iterator[None]:
    """A command run in-process sets logging up for its own, captured, stderr; the next test starts clean."""
    yield
    structlog.reset_defaults()
