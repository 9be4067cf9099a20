"""What the database's own errors mean for us: each raised by a real database, not made up."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from jikimi.errors import Misconfigured, Transient
from jikimi.storage import counters, database
from jikimi.storage.database import Database
from jikimi.storage.migrate import upgrade


async def add(store: Database) -> None:
    async with store.write() as connection:
        await counters.add(connection, "events_accepted", "t", 1)


async def run(store: Database, sql: str) -> None:
    async with store.write() as connection:
        await connection.execute(text(sql))


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_database_locked_by_another_process_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for the lock for a while, then says Transient; afterwards it works again."""
    monkeypatch.setattr(database, "BUSY_MILLISECONDS", 50)
    upgrade(tmp_path / "centre.db")
    other = sqlite3.connect(tmp_path / "centre.db", isolation_level=None)
    async with Database.sqlite(tmp_path / "centre.db") as store:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Transient, match="another process"):
            await add(store)
        other.execute("COMMIT")
        await add(store)
    other.close()


async def test_a_full_disk_is_tried_again(tmp_path: Path) -> None:
    upgrade(tmp_path / "centre.db")
    async with Database.sqlite(tmp_path / "centre.db") as store:
        await run(store, "PRAGMA max_page_count = 1")
        with pytest.raises(Transient, match="disk is full"):
            await run(store, "INSERT INTO counters VALUES ('x', hex(zeroblob(4000000)), 1)")
        await run(store, "PRAGMA max_page_count = 1000000")
        await add(store)


async def test_a_missing_database_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"centre\.db"):
        Database.sqlite(tmp_path / "centre.db")
    assert names(tmp_path) == []


@pytest.mark.parametrize("content", [b"dear reader, " * 1000, b""])
async def test_a_file_that_is_no_database_of_ours_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "centre.db").write_bytes(content)
    async with Database.sqlite(tmp_path / "centre.db") as store:
        with pytest.raises(Misconfigured):
            await add(store)


async def test_our_own_mistakes_stay_what_they_are(tmp_path: Path) -> None:
    upgrade(tmp_path / "centre.db")
    async with Database.sqlite(tmp_path / "centre.db") as store:
        with pytest.raises(OperationalError, match="syntax"):
            await run(store, "SELEKT 1")


async def test_a_server_that_is_away_is_tried_again() -> None:
    async with Database.postgresql("postgresql+asyncpg://jikimi@127.0.0.1:1/jikimi") as store:
        with pytest.raises(Transient, match="cannot be reached"):
            await add(store)


async def test_a_folder_with_odd_signs_is_only_a_folder(tmp_path: Path) -> None:
    """A question mark, a percent sign and Korean in the path reach SQLite as they are."""
    path = tmp_path / "지킴이?mode=rw&x=%41 #1" / "centre.db"
    await asyncio.to_thread(upgrade, path)
    async with Database.sqlite(path) as store:
        await add(store)
        async with store.read() as connection:
            assert await counters.totals(connection) == {"events_accepted": 1}
    assert names(tmp_path) == ["지킴이?mode=rw&x=%41 #1"]
