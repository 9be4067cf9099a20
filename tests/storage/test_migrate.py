"""A database of any age arrives at exactly schema.py."""

import sqlite3
from importlib import import_module
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text

from jikimi.errors import Misconfigured
from jikimi.storage.migrate import upgrade
from jikimi.storage.schema import metadata


def tables(path: Path) -> dict[str, str]:
    """Name → the SQL that made it, in one spelling."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return {name: " ".join(sorted(sql.replace(",", "").split())) for name, sql in rows if name != "alembic_version"}


def test_the_revisions_arrive_at_the_schema(tmp_path: Path) -> None:
    upgrade(tmp_path / "migrated.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        difference = compare_metadata(context, metadata)
    engine.dispose()
    assert difference == [], 'schema.py moved on: run `python -m jikimi.storage.revise "why"`'


def test_the_migrated_file_equals_a_fresh_one_word_for_word(tmp_path: Path) -> None:
    """Also where alembic does not look: AUTOINCREMENT, foreign keys, names of constraints."""
    upgrade(tmp_path / "migrated.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'fresh.db'}")
    metadata.create_all(engine)
    engine.dispose()
    assert tables(tmp_path / "migrated.db") == tables(tmp_path / "fresh.db")


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    upgrade(tmp_path / "a folder" / "지킴이.db")
    before = tables(tmp_path / "a folder" / "지킴이.db")
    upgrade(tmp_path / "a folder" / "지킴이.db")
    assert tables(tmp_path / "a folder" / "지킴이.db") == before


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    upgrade(tmp_path / "a.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(Misconfigured, match="newer"):
        upgrade(tmp_path / "a.db")


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE photos (id INTEGER)")
    connection.close()
    with pytest.raises(Misconfigured, match="photos"):
        upgrade(tmp_path / "other.db")
    assert set(tables(tmp_path / "other.db")) == {"photos"}


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_bytes(b"dear reader, " * 1000)
    with pytest.raises(Misconfigured, match="no SQLite database"):
        upgrade(tmp_path / "letter.db")


def test_serial_numbers_that_a_company_had_allowed_become_passports(tmp_path: Path) -> None:
    """From revision 0004 on: the register of removable devices goes on as it was."""
    revision = import_module("jikimi.storage.migrations.versions.r0005_the_passports_of_removable_devices")
    engine = create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE tenants (id VARCHAR(64) PRIMARY KEY, allowed_media JSON NOT NULL)")
        connection.exec_driver_sql("""INSERT INTO tenants VALUES ('t1', '["S-1", "S-2"]'), ('t2', '[]')""")
        with Operations.context(MigrationContext.configure(connection)):
            revision.upgrade()
        passports = connection.exec_driver_sql("SELECT tenant_id, serial, valid_until FROM device_passports").all()
        tenants = connection.exec_driver_sql("SELECT id, media_enforcement, config_version FROM tenants").all()
    engine.dispose()
    assert sorted(tuple(row) for row in passports) == [("t1", "S-1", None), ("t1", "S-2", None)]
    assert sorted(tuple(row) for row in tenants) == [("t1", "off", 1), ("t2", "off", 1)]
