"""The worker: effects and offset in one transaction, on a real log and a real database."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from detectors.sigma.load import load_rules
from detectors.sigma.match import RuleSet
from detectors.worker import GROUP, DetectorWorker
from jikimi.clock import utc_now
from jikimi.domain.event import Envelope, Event, block_of, canonical, encode_envelope, format_time
from jikimi.domain.logsource import AGENT_HEALTH, FILE_ACCESS, LogSource
from jikimi.storage.counters import totals
from jikimi.storage.database import Database
from jikimi.storage.migrate import upgrade
from jikimi.storage.schema import (
    agents,
    changes,
    dead_letters,
    findings,
    incident_history,
    incidents,
    operator_state,
    outbox,
    progress,
)
from jikimi.storage.tenants import create_tenant, ensure_device
from jikimi.stream.port import EVENTS, NewRecord
from jikimi.stream.sqlite import SqliteEventLog

RULES = Path(__file__).parents[2] / "rules"
START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load_rules([RULES])[0]


class Bench:
    """A log, a database with one company and one device, and workers on them."""

    def __init__(self, database: Database, log: SqliteEventLog, rules: RuleSet) -> None:
        self.database = database
        self.log = log
        self.rules = rules
        self.tenant = "tenant-1"
        self.device = ""

    async def populate(self) -> None:
        async with self.database.write() as connection:
            await create_tenant(connection, "한빛정밀", at=START, tenant_id=self.tenant)
            self.device = (await ensure_device(connection, self.tenant, "설계PC-07", at=START)).id
            await connection.execute(
                agents.insert().values(
                    id="agent-1", tenant_id=self.tenant, device_id=self.device, credential_hash="x", enrolled_at=START
                )
            )

    async def append(
        self, events: Sequence[Event], first_seq: int, logsource: LogSource = FILE_ACCESS, **more: Any
    ) -> None:
        envelope = Envelope(
            "agent-1",
            "epoch-1",
            first_seq,
            len(events),
            logsource,
            START,
            more.get("tenant", self.tenant),
            self.device,
            received_at=START + timedelta(hours=1),
        )
        record = NewRecord(
            self.tenant.encode(), block_of(map(canonical, events)), {"envelope": encode_envelope(envelope)}
        )
        await self.log.append(EVENTS, [record])

    async def work(self) -> None:
        """A fresh worker, until nothing is left."""
        stop = asyncio.Event()
        worker = DetectorWorker(self.database, self.log, self.rules, utc_now)
        running = asyncio.create_task(worker.run(stop))
        async with asyncio.timeout(60):
            while not running.done() and any((await self.log.lag(GROUP, EVENTS)).values()):
                await asyncio.wait([running], timeout=0.02)
            stop.set()
            await running

    async def count(self, table: Any) -> int:
        async with self.database.read() as connection:
            return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())

    async def one(self, table: Any) -> Any:
        async with self.database.read() as connection:
            return (await connection.execute(select(table))).one()


@pytest.fixture
async def bench(tmp_path: Path, rules: RuleSet) -> AsyncIterator[Bench]:
    upgrade(tmp_path / "centre.db")
    log = SqliteEventLog.open(tmp_path / "log")
    async with Database.sqlite(tmp_path / "centre.db") as database:
        made = Bench(database, log, rules)
        await made.populate()
        yield made
    await log.close()


def reads(first: int, count: int) -> list[Event]:
    """`count` reads of different protected files, one a second."""
    return [
        {
            "@timestamp": format_time(START + timedelta(seconds=n)),
            "Hostname": "설계PC-07",
            "User": "park",
            "Action": "read",
            "Protected": True,
            "TargetFilename": f"/보호/도면-{n:04}.dwg",
        }
        for n in range(first, first + count)
    ]


class TestEffects:
    async def test_a_bulk_read_becomes_one_finding_one_incident_one_notice(self, bench: Bench) -> None:
        await bench.append(reads(0, 60), 0)
        await bench.work()
        finding = await bench.one(findings)
        incident = await bench.one(incidents)
        assert finding.title_ko == "설계PC-07: 보호 문서 60개를 짧은 시간에 읽음"
        assert (incident.finding_count, incident.event_count, incident.title_ko) == (1, 60, finding.title_ko)
        assert (await bench.one(outbox)).kind == "opened"
        assert await bench.count(incident_history) == 1
        assert await bench.count(changes) == 1

    async def test_what_goes_on_after_a_restart_is_counted_exactly(self, bench: Bench) -> None:
        await bench.append(reads(0, 30), 0)
        await bench.work()
        assert await bench.count(findings) == 0
        assert await bench.count(operator_state) > 0
        await bench.append(reads(30, 30), 30)
        await bench.work()
        await bench.append(reads(60, 154), 60)
        await bench.work()
        assert (await bench.one(findings)).event_count == 214
        assert (await bench.one(incidents)).event_count == 214
        assert "214개" in (await bench.one(incidents)).title_ko
        assert await bench.count(outbox) == 1

    async def test_the_offset_is_committed_with_the_effects(self, bench: Bench) -> None:
        await bench.append(reads(0, 60), 0)
        await bench.work()
        async with bench.database.read() as connection:
            offsets = await connection.execute(select(progress.c.next_offset).where(progress.c.group == GROUP))
            assert sum(offsets.scalars()) == 1


class TestOnce:
    async def test_a_batch_that_stands_twice_in_the_log_is_taken_once(self, bench: Bench) -> None:
        await bench.append(reads(0, 60), 0)
        await bench.append(reads(0, 60), 0)
        await bench.append(reads(40, 40), 40)
        await bench.work()
        assert (await bench.one(findings)).event_count == 80
        async with bench.database.read() as connection:
            assert (await totals(connection))["events_detected"] == 80

    async def test_a_log_read_again_from_the_start_changes_nothing(self, bench: Bench) -> None:
        await bench.append(reads(0, 60), 0)
        await bench.work()
        before = await bench.one(incidents)
        async with bench.database.write() as connection:
            await connection.execute(progress.update().values(next_offset=0))
        await bench.append(reads(60, 1), 60)
        await bench.work()
        after = await bench.one(incidents)
        assert (after.id, after.event_count) == (before.id, 61)
        assert await bench.count(outbox) == 1


class TestPoison:
    async def test_a_record_without_an_envelope_is_buried_and_the_next_is_worked_on(self, bench: Bench) -> None:
        await bench.log.append(EVENTS, [NewRecord(bench.tenant.encode(), b"junk", {"envelope": b"{"})])
        await bench.append(reads(0, 60), 0)
        await bench.work()
        assert "envelope" in (await bench.one(dead_letters)).reason
        assert await bench.count(findings) == 1

    async def test_what_an_agent_says_it_lost_is_counted(self, bench: Bench) -> None:
        gap = {"@timestamp": format_time(START), "Hostname": "설계PC-07", "Kind": "gap", "Dropped": 37}
        await bench.append([gap], 0, AGENT_HEALTH)
        await bench.work()
        async with bench.database.read() as connection:
            assert (await totals(connection))["events_lost"] == 37
