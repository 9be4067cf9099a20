"""A clock that runs fast, the same in every process of a test; and a worker process on it, to be killed.

`python -m tests.alerting.fast_clock DATABASE START` runs the alerting worker, its settings from the environment.
"""

import asyncio
import sys
from datetime import datetime
from pathlib import Path

from alerting.channels import build_channels
from alerting.settings import AlertSettings
from alerting.worker import AlertWorker
from jikimi.clock import Clock, utc_now
from jikimi.storage.database import Database

TIMES = 30


def fast_clock(start: datetime) -> Clock:
    """Since `start`, thirty times as much time has passed as really did."""
    return lambda: start + (utc_now() - start) * TIMES


async def main(path: Path, start: datetime) -> None:
    settings = AlertSettings()
    clock = fast_clock(start)
    async with Database.sqlite(path) as database, build_channels(settings, clock) as channels:
        await AlertWorker(database, channels, settings, clock).run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])))
