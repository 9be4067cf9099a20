"""The relational store: SQLite now, PostgreSQL-ready, through SQLAlchemy Core.

One process opens a SQLite database; it writes through ONE connection (SQLite before 3.51.3 can corrupt a WAL file with
two checkpointing connections) and reads through `mode=ro` connections.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, StaticPool


class Database:
    """`write()` and `read()` each give a connection inside one transaction."""

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self._writer = writer
        self._reader = reader
        # SQLite has one writer anyway: queueing here instead of in its busy handler keeps waiting fair and unbounded
        # waits visible. PostgreSQL needs no such queue.
        self._turn: asyncio.Lock | None = asyncio.Lock() if writer.dialect.name == "sqlite" else None

    @classmethod
    def sqlite(cls, path: Path) -> "Database":
        """The embedded store; `jikimi.storage.migrate.upgrade` must have run on it."""
        writer = create_async_engine(f"sqlite+aiosqlite:///{path}", poolclass=StaticPool)
        reader = create_async_engine(
            f"sqlite+aiosqlite:///file:{path}?mode=ro&uri=true",
            poolclass=AsyncAdaptedQueuePool,
            pool_size=4,
        )
        event.listen(writer.sync_engine, "connect", _prepare_writer)
        event.listen(writer.sync_engine, "begin", _begin_immediate)
        return cls(writer, reader)

    @classmethod
    def postgresql(cls, url: str) -> "Database":
        """`url` like postgresql+asyncpg://user:password@host/database."""
        engine = create_async_engine(url, pool_size=8)
        return cls(engine, engine)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed on leaving, rolled back on any error."""
        if self._turn is None:
            async with self._writer.begin() as connection:
                yield connection
            return
        async with self._turn, self._writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One read-only snapshot."""
        async with self._reader.connect() as connection:
            yield connection

    async def close(self) -> None:
        await self._reader.dispose()
        await self._writer.dispose()

    async def __aenter__(self) -> "Database":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _prepare_writer(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # NORMAL lost every un-checkpointed commit at a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.close()


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
