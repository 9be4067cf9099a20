"""Fixtures of several rooms."""

import signal
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from tests.integration.kafka.broker import kafka_broker
from tests.small_disk import small_disk

__all__ = ["kafka_broker", "small_disk"]

# A machine that others keep busy makes any example slow: no test may fail by the clock.
settings.register_profile("jikimi", deadline=None)
settings.load_profile("jikimi")

# Tests in the background of a shell inherit that Ctrl-C is ignored, and would hand it on to commands they interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _logs_of_their_own() -> Iterator[None]:
    """A command run in-process sets logging up for its own, captured, stderr; the next test starts clean."""
    yield
    structlog.reset_defaults()
