"""Fixtures of several rooms."""

from collections.abc import Iterator

import pytest
import structlog

from tests.integration.kafka.broker import kafka_broker
from tests.small_disk import small_disk

__all__ = ["kafka_broker", "small_disk"]


@pytest.fixture(autouse=True)
def _logs_of_their_own() -> Iterator[None]:
    """A command run in-process sets logging up for its own, captured, stderr; the next test starts clean."""
    yield
    structlog.reset_defaults()
