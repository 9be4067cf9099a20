"""`jikimi` starts lean: an agent's install needs no centre, and no command waits for another command's libraries."""

import subprocess
import sys

HEAVY = {
    "aiokafka", "alembic", "chdb", "clickhouse_connect", "fastapi", "httpx", "msgspec", "pydantic", "pyarrow", "re2",
    "sigma", "sqlalchemy", "structlog", "uvicorn",
}  # fmt: skip
ROOMS = {"alerting", "api", "collectors", "detectors"}


def loaded_by(statement: str) -> set[str]:
    """Top-level names of what a fresh interpreter holds after `statement`."""
    code = f"{statement}; import sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_the_commands_load_no_room_and_no_heavy_library_before_one_is_chosen() -> None:
    assert not loaded_by("import jikimi.cli") & (HEAVY | ROOMS)


def test_the_commands_load_no_more_of_rich_than_typer_does() -> None:
    if "rich" not in loaded_by("import typer"):
        assert "rich" not in loaded_by("import jikimi.cli")


def test_the_probe_sees_what_is_loaded() -> None:
    assert {"httpx", "jikimi"} <= loaded_by("import httpx, jikimi.cli")
