"""Brings a database to the schema of this version, by the Alembic revisions packaged beside it.

No alembic.ini and no env.py: where the database is and what it should become are known here.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import URL, Connection, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from jikimi.errors import Misconfigured, Transient
from jikimi.storage.database import prepare_sqlite_writer
from jikimi.storage.faults import translate
from jikimi.storage.schema import metadata

REVISIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x6A696B69  # "jiki": two centres starting at once migrate one after the other


def upgrade(target: str | Path) -> None:
    """Make or upgrade the database: `target` is a SQLite file, or a URL like postgresql+asyncpg://user@host/name.

    One transaction: after a crash the old schema stands. Blocks; from a coroutine use `asyncio.to_thread`.
    Raises Misconfigured for a database of a newer version or of something else, Transient when it is not to be had.
    """
    try:
        if isinstance(target, str) and "://" in target:
            # asyncpg is the one PostgreSQL driver we install; a thread of its own works under a running loop too
            with ThreadPoolExecutor(1) as thread:
                thread.submit(asyncio.run, _upgrade_postgresql(target)).result()
        else:
            _upgrade_sqlite(Path(target))
    except DBAPIError as error:
        raise translate(error) or error from error
    except OSError as error:
        raise Transient(f"the database server cannot be reached: {error}") from error
    except CommandError as error:
        raise Misconfigured(f"{_named(target)}: a newer Jikimi made it; install that one ({error})") from error


def run_revisions(connection: Connection) -> None:
    """Every revision that `connection`'s database has not seen, in its open transaction."""
    tables = inspect(connection).get_table_names()
    if tables and "alembic_version" not in tables:
        raise Misconfigured(f"the database holds other tables ({', '.join(tables[:3])}, …) and none of our revisions")
    scripts = ScriptDirectory(str(REVISIONS))
    environment = EnvironmentContext(Config(), scripts)

    def steps(revision: object, _context: object) -> object:
        return scripts._upgrade_revs("head", revision)  # type: ignore[arg-type]  # noqa: SLF001 (what alembic's own `command.upgrade` calls)

    environment.configure(
        connection=connection, target_metadata=metadata, fn=steps, transactional_ddl=True, render_as_batch=True
    )
    with environment.begin_transaction():
        environment.run_migrations()


def _upgrade_sqlite(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    event.listen(engine, "connect", prepare_sqlite_writer)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as connection:
        run_revisions(connection)


async def _upgrade_postgresql(url: str) -> None:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        await connection.run_sync(run_revisions)


def _named(target: str | Path) -> str:
    return target.rpartition("@")[2] if isinstance(target, str) else str(target)
