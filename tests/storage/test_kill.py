"""kill -9, several times, at any moment: what was acknowledged is there, once."""

import asyncio
import random
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

from jikimi.clock import utc_now
from jikimi.domain.scope import TenantScope
from jikimi.storage import counters
from jikimi.storage.archive import GROUP, Archiver
from jikimi.storage.database import Database
from jikimi.storage.events import EventQuery, EventStore
from jikimi.storage.migrate import upgrade
from jikimi.stream.port import EVENTS
from jikimi.stream.sqlite import SqliteEventLog
from jikimi.testing.batches import batch_of, events_of, record_of

EVERY = TenantScope.every_tenant()

INSERTING = """
    import asyncio, pathlib, sys
    from jikimi.storage.events import EventStore
    from jikimi.testing.batches import batch_of, events_of

    async def main(folder, first):
        store = await EventStore.open(pathlib.Path(folder))
        for n in range(int(first), 100_000):
            await store.insert([batch_of(events_of(50), first_seq=n * 50)], token=str(n))
            print(n, flush=True)

    asyncio.run(main(*sys.argv[1:]))
"""
ARCHIVING = """
    import asyncio, pathlib, sys
    from jikimi.clock import utc_now
    from jikimi.storage import archive
    from jikimi.storage.database import Database
    from jikimi.storage.events import EventStore
    from jikimi.stream.sqlite import SqliteEventLog

    archive.MAX_RECORDS = 4  # many small batches: more moments to be killed at

    async def main(root):
        store = await EventStore.open(root / "events")
        insert = store.insert

        async def telling(batches, *, token):
            print("before", flush=True)
            await insert(batches, token=token)
            print("after", flush=True)

        store.insert = telling
        log = SqliteEventLog.open(root / "log")
        archiver = archive.Archiver(Database.sqlite(root / "centre.db"), log, store, utc_now, linger=0.0)
        await archiver.run(asyncio.Event())

    asyncio.run(main(pathlib.Path(sys.argv[1])))
"""


def run_and_kill(code: str, *arguments: str, lines: int, after: float) -> list[str]:
    """What it printed; killed `after` seconds from its `lines`-th line."""
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        printed = [child.stdout.readline() for _ in range(lines)]
        time.sleep(after)
        child.kill()
        return [line.strip() for line in [*printed, *child.stdout] if line.endswith("\n")]


async def test_the_event_store_keeps_every_acknowledged_insert_once(tmp_path: Path) -> None:
    """The one insert that was on its way is repeated under its token, as the archive does."""
    chance, following = random.Random(3), 0
    for _ in range(3):
        lines = await asyncio.to_thread(
            run_and_kill,
            INSERTING,
            str(tmp_path / "events"),
            str(following),
            lines=chance.randint(1, 9),
            after=chance.uniform(0, 0.05),
        )
        acknowledged = int(lines[-1])
        assert acknowledged >= following
        following = acknowledged + 1
        async with await EventStore.open(tmp_path / "events") as store:
            assert await store.count(EVERY) in {following * 50, (following + 1) * 50}
    async with await EventStore.open(tmp_path / "events") as store:
        await store.insert([batch_of(events_of(50), first_seq=following * 50)], token=str(following))
        assert await store.count(EVERY) == (following + 1) * 50


async def test_a_killed_archiver_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    chance = random.Random(11)
    upgrade(tmp_path / "centre.db")
    log = SqliteEventLog.open(tmp_path / "log")
    tenants = [f"t{n % 5}" for n in range(1500)]
    batches = [
        batch_of(events_of(4), tenant_id=tenant, agent_id=f"agent-{tenant}", first_seq=n // 5 * 4)
        for n, tenant in enumerate(tenants)
    ]
    await log.append(EVENTS, [record_of(batch) for batch in batches])
    await log.close()
    for _ in range(4):
        lines, after = chance.randint(1, 30), chance.uniform(0, 0.03)
        await asyncio.to_thread(run_and_kill, ARCHIVING, str(tmp_path), lines=lines, after=after)
    async with await EventStore.open(tmp_path / "events") as store:
        assert 0 < await store.count(EVERY) < 6000, "the kills must fall into the work"
    await finish(tmp_path)
    async with await EventStore.open(tmp_path / "events") as store:
        assert await store.count(EVERY) == 6000
        found = await store.search(EventQuery(EVERY, limit=10_000))
    assert set(Counter(event.event_id for event in found).values()) == {1}
    async with Database.sqlite(tmp_path / "centre.db") as database, database.read() as connection:
        assert await counters.totals(connection) == {"events_stored": 6000}


async def finish(root: Path) -> None:
    log, stop = SqliteEventLog.open(root / "log"), asyncio.Event()
    async with Database.sqlite(root / "centre.db") as database, await EventStore.open(root / "events") as store:
        archiver = Archiver(database, log, store, utc_now, linger=0.01)
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(archiver.run(stop))
            while any((await log.lag(GROUP, EVENTS)).values()):  # noqa: ASYNC110 (the log tells nobody)
                await asyncio.sleep(0.02)
            stop.set()
    await log.close()
