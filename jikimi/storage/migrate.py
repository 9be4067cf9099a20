"""Brings a database to the schema of this version."""

from pathlib import Path

from sqlalchemy import create_engine

from jikimi.storage.schema import metadata


def upgrade(target: str | Path) -> None:
    """`target` is a SQLite file or a PostgreSQL URL. To become Alembic in the next step."""
    engine = create_engine(f"sqlite:///{target}")
    metadata.create_all(engine)
    engine.dispose()
