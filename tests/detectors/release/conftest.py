"""A watch in a folder of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.detectors.release.watch import Watch, watch_in


@pytest.fixture
async def watch(tmp_path: Path) -> AsyncIterator[Watch]:
    async with watch_in(tmp_path) as made:
        yield made
