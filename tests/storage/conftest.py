"""Real parts in a temporary folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jikimi.storage.database import Database
from jikimi.storage.events import EventStore
from jikimi.storage.migrate import upgrade


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EventStore]:
    async with await EventStore.open(tmp_path / "events") as store:
        yield store


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    upgrade(tmp_path / "centre.db")
    async with Database.sqlite(tmp_path / "centre.db") as database:
        yield database
