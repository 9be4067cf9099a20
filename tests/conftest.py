"""Fixtures of several rooms."""

import gc
import signal
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.integration.kafka.broker import kafka_broker
from tests.small_disk import small_disk

__all__ = ["kafka_broker", "small_disk"]

LAB = "tests/lab/"

# A machine that others keep busy makes any example slow: no test may fail by the clock.
settings.register_profile("jikimi", deadline=None)
settings.load_profile("jikimi")

# Tests in the background of a shell inherit that Ctrl-C is ignored, and would hand it on to commands they interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


class ByFile(LoadFileScheduling):  # type: ignore[misc] # xdist has no types
    """Processes share the work file by file (`make test`); the lab, where two trials may not meet, is one piece."""

    def _split_scope(self, nodeid: str) -> str:
        return LAB if nodeid.startswith(LAB) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The lab first: it waits most."""
    items.sort(key=lambda item: not item.nodeid.startswith(LAB))


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
