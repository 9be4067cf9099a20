"""A centre's rules at work in a test: a real log, a real database, rule files, a desk and a worker."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from detectors.release.desk import RuleDesk
from detectors.release.library import RuleLibrary
from detectors.release.rows import read_versions
from detectors.worker import GROUP, DetectorWorker
from jikimi.clock import utc_now
from jikimi.domain.event import Envelope, Event, block_of, canonical, encode_envelope, format_time
from jikimi.domain.logsource import LogSource
from jikimi.storage.database import Database
from jikimi.storage.migrate import upgrade
from jikimi.storage.schema import findings, rule_workers
from jikimi.storage.tenants import create_tenant, ensure_device
from jikimi.stream.port import EVENTS, NewRecord
from jikimi.stream.sqlite import SqliteEventLog

TEST = LogSource(product="test", category="any")

RULES = {
    "shell.yml": """
title: A Shell
name: shell
id: 5a1c0a52-7d8b-4b8f-9d5e-000000000001
level: high
logsource: {product: test}
detection:
    sel: {Image|endswith: '/sh'}
    condition: sel
""",
    "other.yml": """
title: Another Program
name: other
id: 5a1c0a52-7d8b-4b8f-9d5e-000000000002
level: low
logsource: {product: test}
detection:
    sel: {Image|endswith: '/other'}
    condition: sel
""",
    "many.yml": """
title: One Step
name: step
id: 5a1c0a52-7d8b-4b8f-9d5e-000000000003
level: low
logsource: {product: test}
detection:
    sel: {Action: step}
    condition: sel
---
title: Many Steps
name: many
id: 5a1c0a52-7d8b-4b8f-9d5e-000000000004
level: high
correlation:
    type: event_count
    rules: [step]
    group-by: [Computer]
    timespan: 1d
    condition: {gte: 10}
""",
}


class Watch:
    """Companies `a` and `b`; rule files in `rules`, which a test may change."""

    def __init__(self, folder: Path, database: Database, log: SqliteEventLog) -> None:
        self.folder = folder
        self.rules = folder / "rules"
        self.database = database
        self.log = log
        self.library = RuleLibrary([self.rules], unpacked=folder / "unpacked", trusted=folder / "keys")
        self.desk = RuleDesk(database, self.library, utc_now)
        self._next: dict[str, int] = {}
        self.now = datetime.now(UTC).replace(microsecond=0)

    async def prepare(self) -> None:
        async with self.database.write() as connection:
            for tenant in ("a", "b"):
                await create_tenant(connection, f"회사 {tenant}", at=self.now, tenant_id=tenant)
                await ensure_device(connection, tenant, f"PC-{tenant}", at=self.now)
        await self.library.load(self.database)

    def write(self, files: Mapping[str, str]) -> None:
        self.rules.mkdir(exist_ok=True)
        for name, text in files.items():
            (self.rules / name).write_text(text, encoding="utf-8")

    async def append(self, events: Sequence[Event], tenant: str = "a") -> None:
        """One batch of an agent of the company, received now."""
        first = self._next.get(tenant, 0)
        self._next[tenant] = first + len(events)
        received = datetime.now(UTC)
        lines = [canonical({"@timestamp": format_time(self.now), "Computer": "PC-1", **event}) for event in events]
        envelope = Envelope(
            f"agent-{tenant}", "e", first, len(lines), TEST, received, tenant, f"PC-{tenant}", received_at=received
        )
        record = NewRecord(tenant.encode(), block_of(lines), {"envelope": encode_envelope(envelope)})
        await self.log.append(EVENTS, [record])

    @asynccontextmanager
    async def working(self, *names: str) -> AsyncIterator[None]:
        """Workers of these names until the block is left; a worker's own failure fails the test."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for name in names or ("detector",):
                loaded = self.library.current
                worker = DetectorWorker(self.database, self.log, loaded, utc_now, library=self.library, name=name)
                group.create_task(worker.run(stop))
            try:
                yield
            finally:
                stop.set()

    async def done(self) -> None:
        """Until everything in the log was looked at."""
        async with asyncio.timeout(60):
            while any((await self.log.lag(GROUP, EVENTS)).values()):  # noqa: ASYNC110 - another task
                await asyncio.sleep(0.02)

    async def followed(self) -> None:
        """Until every worker lives by what the database says."""
        async with asyncio.timeout(60):
            while True:
                async with self.database.read() as connection:
                    wanted = await read_versions(connection)
                    workers = list(await connection.execute(select(rule_workers)))
                if workers and all(
                    w.life_version == wanted.life and max(w.content_version, w.tried_version) == wanted.content
                    and (w.content_version == wanted.content or w.error)
                    for w in workers
                ):  # fmt: skip
                    return
                await asyncio.sleep(0.05)

    async def look(self, events: Sequence[Event], tenant: str = "a") -> None:
        """Let the workers look at these."""
        await self.append(events, tenant)
        await self.done()

    async def found(self, title: str | None = None, tenant: str | None = None) -> int:
        query = select(func.count()).select_from(findings)
        if title is not None:
            query = query.where(findings.c.rule_title == title)
        if tenant is not None:
            query = query.where(findings.c.tenant_id == tenant)
        async with self.database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def rows(self, table: Any) -> list[Any]:
        async with self.database.read() as connection:
            return list(await connection.execute(select(table)))

    async def stage(self, rule: str, stage: str) -> None:
        async with self.database.write() as connection:
            await self.desk.stage(connection, rule, stage, "kim", "because")

    async def reload(self) -> None:
        async with self.database.write() as connection:
            await self.desk.reload(connection, "kim")

    async def grant(self, rule: str, text: str, tenant: str = "a", **terms: Any) -> str:
        """An exception; its id."""
        judged = await self.desk.judge(
            rule,
            text,
            terms.get("owner", "kim"),
            terms.get("reason", "backup"),
            terms.get("until", self.now + timedelta(days=30)),
        )
        async with self.database.write() as connection:
            granted = await self.desk.grant(connection, judged, tenant, "kim")
        return str(granted["id"])


@asynccontextmanager
async def watch_in(folder: Path, files: Mapping[str, str] | None = None) -> AsyncIterator[Watch]:
    """`folder` may hold an earlier one's data."""
    fresh = not (folder / "centre.db").exists()
    upgrade(folder / "centre.db")
    log = SqliteEventLog.open(folder / "log", reserve_bytes=0, ballast_bytes=0)
    try:
        async with Database.sqlite(folder / "centre.db") as database:
            made = Watch(folder, database, log)
            if fresh:
                made.write(RULES if files is None else files)
                await made.prepare()
            else:
                await made.library.load(database)
            yield made
    finally:
        with suppress(asyncio.CancelledError):
            await log.close()


def shells(count: int, **more: Any) -> list[Event]:
    return [{"Image": "/bin/sh", "N": n, **more} for n in range(count)]


def steps(count: int, **more: Any) -> list[Event]:
    return [{"Action": "step", "N": n, **more} for n in range(count)]
