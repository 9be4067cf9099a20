"""The relational store: SQLite now, PostgreSQL-ready, through SQLAlchemy Core.

One process opens a SQLite database; it writes through ONE connection (SQLite before 3.51.3 can corrupt a WAL file with
two checkpointing connections) and reads through `mode=ro` connections. The driver's own transaction control is off
(SQLAlchemy, "Enabling non-legacy SQLite transactional modes"): it begins no transaction before a SELECT, so several
reads would see several states. A task cancelled inside a statement leaves a connection in an unknown state: SQLAlchemy
closes it, which rolls back, and the next transaction opens another.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from jikimi.errors import Misconfigured, Transient
from jikimi.storage.faults import translate

_READERS = 4
BUSY_MILLISECONDS = 5000


class Database:
    """`write()` and `read()` each give a connection inside one transaction.

    Both raise Transient when the same may succeed later (locked, disk full, server away) and Misconfigured when a
    person has to mend something; a broken constraint stays SQLAlchemy's IntegrityError.
    """

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self._writer = writer
        self._reader = reader
        # SQLite has one writer anyway: queueing here instead of in its busy handler keeps waiting fair and unbounded
        # waits visible. PostgreSQL needs no such queue.
        self._turn = asyncio.Lock() if writer.dialect.name == "sqlite" else nullcontext()

    @classmethod
    def sqlite(cls, path: Path) -> "Database":
        """The embedded store; raises Misconfigured unless `jikimi.storage.migrate.upgrade` has run on it."""
        if not path.is_file():
            raise Misconfigured(f"{path}: there is no database; `jikimi up --data {path.parent}` makes one")
        writer = create_async_engine(
            URL.create("sqlite+aiosqlite", database=str(path)),
            poolclass=AsyncAdaptedQueuePool,
            pool_size=1,
            max_overflow=0,
        )
        reader = create_async_engine(
            URL.create(
                "sqlite+aiosqlite",
                database=f"file:{quote(str(path.absolute()))}",
                query={"mode": "ro", "uri": "true"},
            ),
            poolclass=AsyncAdaptedQueuePool,
            pool_size=_READERS,
            max_overflow=0,
            pool_timeout=60,
        )
        event.listen(writer.sync_engine, "connect", prepare_sqlite_writer)
        event.listen(writer.sync_engine, "begin", _begin_immediate)
        event.listen(reader.sync_engine, "connect", _prepare_sqlite_reader)
        event.listen(reader.sync_engine, "begin", _begin_deferred)
        return cls(writer, reader)

    @classmethod
    def postgresql(cls, url: str) -> "Database":
        """`url` like postgresql+asyncpg://user:password@host/database."""
        writer = create_async_engine(url, pool_size=8)
        reader = create_async_engine(url, pool_size=8)
        event.listen(reader.sync_engine, "begin", _begin_postgresql_snapshot)
        return cls(writer, reader)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed on leaving, rolled back on any error and when cancelled."""
        async with self._turn, _transaction(self._writer) as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One read-only snapshot: every statement in it sees the same state."""
        async with _transaction(self._reader) as connection:
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


@asynccontextmanager
async def _transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    try:
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(engine.connect())
            except OSError as error:  # asyncpg raises the bare socket error
                raise Transient(f"the database server cannot be reached: {error}") from error
            await stack.enter_async_context(connection.begin())
            yield connection
    except DBAPIError as error:
        raise translate(error) or error from error


def prepare_sqlite_writer(connection: Any, _record: Any) -> None:
    """What every connection that may write has to be told."""
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # NORMAL lost every un-checkpointed commit at a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    cursor.close()


def _prepare_sqlite_reader(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_deferred(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_postgresql_snapshot(connection: Connection) -> None:
    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
