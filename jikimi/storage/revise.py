"""`python -m jikimi.storage.revise "why"`: write the revision that leads from the last one to schema.py.

For people who change the schema. It migrates a temporary SQLite database, compares, and writes the difference; read
it before committing it.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from alembic.autogenerate import RevisionContext
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from jikimi.storage.migrate import REVISIONS, upgrade
from jikimi.storage.schema import UtcDateTime, metadata


def render(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """A revision must not import schema.py, which moves on: our one type is spelt as what the database sees."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def write_revision(message: str, *, to: Path = REVISIONS) -> Path:
    """The file written."""
    scripts = ScriptDirectory(str(to), file_template="r%%(rev)s_%%(slug)s".replace("%%", "%"))
    number = f"{len(list(scripts.walk_revisions())) + 1:04d}"
    arguments: dict[str, Any] = {
        "message": message,
        "sql": False,
        "head": "head",
        "splice": False,
        "branch_label": None,
        "version_path": None,
        "rev_id": number,
        "depends_on": None,
    }
    revisions = RevisionContext(Config(), scripts, {**arguments, "autogenerate": True})
    environment = EnvironmentContext(Config(), scripts)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "compare.db"
        upgrade(path)
        engine = create_engine(f"sqlite:///{path}")

        def compare(revision: Any, context: Any) -> list[Any]:
            revisions.run_autogenerate(revision, context)
            return []

        with engine.connect() as connection:
            environment.configure(
                connection=connection, target_metadata=metadata, fn=compare, render_item=render, render_as_batch=True
            )
            environment.run_migrations()
        engine.dispose()
        [script] = list(revisions.generate_scripts())
    if script is None:
        raise RuntimeError("alembic wrote no revision")
    return Path(script.path)


if __name__ == "__main__":
    print(write_revision(" ".join(sys.argv[1:]) or sys.exit("say why in a few words")))  # noqa: T201 (a command)
