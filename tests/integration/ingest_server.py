"""`python ingest_server.py DIR PORT`: the real HTTP layer on a data folder, in a process that tests may kill.

Serves until killed. No worker runs: what is under test ends at the log and the database.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any, cast

import uvicorn

from api.app import create_app
from api.services import Services
from api.settings import ApiSettings
from detectors.release.desk import RuleDesk
from detectors.release.library import RuleLibrary
from jikimi.clock import utc_now
from jikimi.settings import DataDir
from jikimi.storage.database import Database
from jikimi.storage.events import EventStore
from jikimi.storage.migrate import upgrade
from jikimi.stream.sqlite import SqliteEventLog

RULES = Path(__file__).parents[2] / "rules" / "worm"
TOKEN = "admin-token-of-this-machine"


async def main(data: DataDir, port: int) -> None:
    data.root.mkdir(exist_ok=True)
    upgrade(data.database)
    log = SqliteEventLog.open(data.log, reserve_bytes=0, ballast_bytes=0)

    async def status() -> dict[str, Any]:
        return {"running": True}

    async with Database.sqlite(data.database) as database:
        library = RuleLibrary([RULES], unpacked=data.rules, trusted=data.trusted_keys)
        await library.load(database)
        desk = RuleDesk(database, library, utc_now)
        services = Services(database, log, cast("EventStore", None), utc_now, TOKEN, status, rule_desk=desk)
        app = create_app(services, ApiSettings(backlog_records=10**9))
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False))
        data.admin_token.write_text(TOKEN)
        data.address.write_text(f"http://127.0.0.1:{port}")
        await server.serve()
    await log.close()


if __name__ == "__main__":
    asyncio.run(main(DataDir(Path(sys.argv[1])), int(sys.argv[2])))
