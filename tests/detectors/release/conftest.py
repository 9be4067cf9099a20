"""A watch in a folder of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from detectors.release import follow
from tests.detectors.release.watch import Watch, watch_in


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes a second in a centre takes a moment here."""
    monkeypatch.setattr(follow, "LOOK_EVERY_SECONDS", 0.05)


@pytest.fixture
async def watch(tmp_path: Path) -> AsyncIterator[Watch]:
    async with watch_in(tmp_path) as made:
        yield made
