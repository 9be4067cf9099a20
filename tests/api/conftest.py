"""The HTTP layer over a real database and a real embedded event log."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.console_client import Analyst, analyst
from tests.api.running_centre import RunningCentre, running_centre


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[RunningCentre]:
    async with running_centre(tmp_path) as running:
        yield running


@pytest.fixture
async def analyst_client(tmp_path: Path) -> AsyncIterator[Analyst]:
    async with analyst(tmp_path) as made:
        yield made
