"""What the relational store promises, held on SQLite and, where its programs are installed, on PostgreSQL."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from jikimi.domain.tenant import WorkHours
from jikimi.errors import Fenced, JikimiError, Misconfigured, Poison
from jikimi.storage import counters, dead_letters, progress, tenants
from jikimi.storage.database import Database
from jikimi.storage.migrate import upgrade
from jikimi.storage.schema import agents, metadata
from jikimi.storage.schema import counters as counters_table
from jikimi.stream.port import TopicPartition
from jikimi.testing import postgresql
from jikimi.testing.batches import NOON

SOURCE = TopicPartition("events", 3)


@pytest.fixture(scope="module")
def postgresql_url() -> Iterator[str]:
    programs = postgresql.programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    with postgresql.server(programs) as url:
        upgrade(url)
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def database(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    if kind == "sqlite":
        upgrade(tmp_path / "centre.db")
        async with Database.sqlite(tmp_path / "centre.db") as database:
            yield database
        return
    url = request.getfixturevalue("postgresql_url")
    async with Database.postgresql(url) as database:
        async with database.write() as connection:
            names = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
            await connection.execute(text(f"TRUNCATE {names}"))
        yield database


async def value(database: Database, name: str = "events_accepted") -> int:
    async with database.read() as connection:
        return (await counters.totals(connection)).get(name, 0)


class TestTransactions:
    async def test_leaving_commits(self, database: Database) -> None:
        async with database.write() as connection:
            await counters.add(connection, "events_accepted", "t", 3)
        assert await value(database) == 3

    async def test_an_error_leaves_nothing(self, database: Database) -> None:
        async def fail() -> None:
            async with database.write() as connection:
                await counters.add(connection, "events_accepted", "t", 3)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail()
        assert await value(database) == 0

    async def test_a_broken_constraint_leaves_nothing_and_stays_an_integrity_error(self, database: Database) -> None:
        async def break_it() -> None:
            async with database.write() as connection:
                await counters.add(connection, "events_accepted", "t", 3)
                await tenants.create_contact(connection, "no such company", "x")

        with pytest.raises(IntegrityError):
            await break_it()
        assert await value(database) == 0
        async with database.write() as connection:
            await counters.add(connection, "events_accepted", "t", 1)

    async def test_concurrent_writers_lose_no_update(self, database: Database) -> None:
        async def add(n: int) -> None:
            async with database.write() as connection:
                await counters.add(connection, "events_accepted", f"t{n % 3}", 1)

        await asyncio.gather(*(add(n) for n in range(60)))
        assert await value(database) == 60

    async def test_a_snapshot_does_not_see_what_is_committed_meanwhile(self, database: Database) -> None:
        query = select(func.count()).select_from(counters_table)
        async with database.read() as reader:
            before = (await reader.execute(query)).scalar_one()
            async with database.write() as connection:
                await counters.add(connection, "events_accepted", "t", 1)
            assert (await reader.execute(query)).scalar_one() == before
        assert await value(database) == 1

    async def test_a_reader_cannot_write(self, database: Database) -> None:
        async def write() -> None:
            async with database.read() as connection:
                await counters.add(connection, "events_accepted", "t", 1)

        with pytest.raises((DBAPIError, JikimiError)):
            await write()
        assert await value(database) == 0

    async def test_whoever_is_cancelled_leaves_all_or_nothing(self, database: Database) -> None:
        """Cancelled at random points, also inside BEGIN and COMMIT: two counters of one transaction stay equal."""
        chance = random.Random(7)
        finished = 0

        async def add_both() -> None:
            nonlocal finished
            async with database.write() as connection:
                await counters.add(connection, "events_accepted", "t", 1)
                await counters.add(connection, "events_stored", "t", 1)
            finished += 1

        for _ in range(40):
            tasks = [asyncio.create_task(add_both()) for _ in range(3)]
            await asyncio.sleep(chance.uniform(0, 0.008))
            tasks[chance.randrange(3)].cancel()
            tasks[chance.randrange(3)].cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                assert result is None or isinstance(result, asyncio.CancelledError), result
        accepted, stored = await value(database), await value(database, "events_stored")
        assert accepted == stored
        assert finished <= accepted <= 120
        assert finished >= 40
        async with asyncio.timeout(60), database.write() as connection:
            await counters.add(connection, "events_accepted", "t", 1)


class TestSchema:
    async def test_the_revisions_arrive_at_the_schema(self, kind: str, request: pytest.FixtureRequest) -> None:
        if kind == "sqlite":
            pytest.skip("tests/storage/test_migrate.py holds it there")

        def compare(connection: Connection) -> list[object]:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            return list(compare_metadata(context, metadata))

        engine = create_async_engine(request.getfixturevalue("postgresql_url"))
        async with engine.connect() as connection:
            difference = await connection.run_sync(compare)
        await engine.dispose()
        assert difference == []

    async def test_upgrading_again_under_a_running_loop_changes_nothing(
        self, kind: str, database: Database, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        target = tmp_path / "centre.db" if kind == "sqlite" else request.getfixturevalue("postgresql_url")
        await asyncio.to_thread(upgrade, target)
        assert await value(database) == 0


class TestProgress:
    async def test_begins_at_zero_and_goes_on_from_where_it_was(self, database: Database) -> None:
        async with database.write() as connection:
            assert await progress.claim(connection, "g", SOURCE) == (1, 0)
            await progress.advance(connection, "g", SOURCE, epoch=1, next_offset=1 << 40)
        async with database.write() as connection:
            assert await progress.claim(connection, "g", SOURCE) == (2, 1 << 40)

    async def test_a_zombie_is_fenced_in_everything_it_does(self, database: Database) -> None:
        async with database.write() as connection:
            await progress.claim(connection, "g", SOURCE)
            await progress.claim(connection, "g", SOURCE)

        async def advance() -> None:
            async with database.write() as connection:
                await progress.advance(connection, "g", SOURCE, epoch=1, next_offset=5)

        async def plan() -> None:
            async with database.write() as connection:
                await progress.plan(connection, "g", SOURCE, epoch=1, through_offset=5)

        for act in (advance, plan):
            with pytest.raises(Fenced):
                await act()

    async def test_a_plan_stands_until_it_is_done(self, database: Database) -> None:
        async with database.write() as connection:
            await progress.claim(connection, "g", SOURCE)
            assert await progress.planned(connection, "g", SOURCE) is None
            await progress.plan(connection, "g", SOURCE, epoch=1, through_offset=9)
            assert await progress.planned(connection, "g", SOURCE) == 9
            await progress.advance(connection, "g", SOURCE, epoch=1, next_offset=9)
            assert await progress.planned(connection, "g", SOURCE) is None

    async def test_marks_are_kept_by_group_agent_and_spool(self, database: Database) -> None:
        async with database.write() as connection:
            assert await progress.seen_through(connection, "g", "a", "e") == -1
            await progress.mark_seen(connection, "g", "a", "e", 1 << 40)
            await progress.mark_all(connection, "g", {("a", "e"): 1 << 41, ("b", "e"): 3})
            assert await progress.seen_through(connection, "other", "a", "e") == -1
            found = await progress.marks(connection, "g", {("a", "e"), ("b", "e"), ("c", "e")})
            assert found == {("a", "e"): 1 << 41, ("b", "e"): 3}


class TestDeadLetters:
    async def test_the_same_is_buried_and_counted_once(self, database: Database) -> None:
        for expected in (True, False):
            async with database.write() as connection:
                buried = await dead_letters.bury(
                    connection,
                    tenant_id="a company nobody knows",
                    agent_id="",
                    stage="archive",
                    reason="x",
                    raw=bytes(range(256)) * 300,
                    source="events/0/1",
                    at=NOON,
                )
            assert buried is expected
        assert await value(database, "dead_lettered") == 1

    async def test_many_are_buried_at_once_and_the_known_ones_not_again(self, database: Database) -> None:
        letters = [
            dead_letters.Letter(f"company {n % 2}", "a", "ingest", "x", b"raw", f"a.e.{n}", NOON) for n in range(2500)
        ]
        async with database.write() as connection:
            assert await dead_letters.bury_all(connection, letters[:1000]) == 1000
        async with database.write() as connection:
            assert await dead_letters.bury_all(connection, letters) == 1500
        assert await value(database, "dead_lettered") == 2500


class TestTenants:
    async def test_a_company_comes_back_as_it_was_made(self, database: Database) -> None:
        async with database.write() as connection:
            made = await tenants.create_tenant(connection, "한빛정밀", at=NOON, work_hours=WorkHours(days=(1, 2)))
        async with database.read() as connection:
            assert await tenants.load_tenant(connection, made.id) == made
            assert await tenants.find_tenant(connection, "한빛정밀") == made
            assert await tenants.find_tenant(connection, "대성테크") is None
            assert await tenants.load_tenants(connection) == [made]

    @pytest.mark.parametrize(
        ("name", "zone", "language", "words"),
        [
            ("a", "Asia/Seoul", "ko", "already there"),
            ("b", "Asia/Atlantis", "ko", "time zone"),
            ("b", "../etc", "ko", "time zone"),
            ("b", "UTC", "fr", "language"),
        ],
    )
    async def test_a_wrong_company_is_refused_in_one_sentence(
        self, database: Database, name: str, zone: str, language: str, words: str
    ) -> None:
        async with database.write() as connection:
            await tenants.create_tenant(connection, "a", at=NOON)
            with pytest.raises(Misconfigured, match=words):
                await tenants.create_tenant(connection, name, at=NOON, zone=zone, language=language)

    async def test_contacts_sites_and_devices_belong_to_their_company(self, database: Database) -> None:
        async with database.write() as connection:
            one = await tenants.create_tenant(connection, "one", at=NOON)
            two = await tenants.create_tenant(connection, "two", at=NOON)
            contact = await tenants.create_contact(connection, one.id, "김담당", phone="010-0000-0000")
            assert await tenants.load_contacts(connection, one.id) == [contact]
            assert await tenants.load_contacts(connection, two.id) == []
            site = await tenants.create_site(connection, one.id, "본사")
            assert await tenants.create_site(connection, one.id, "본사") == site
            assert await tenants.create_site(connection, two.id, "본사") != site
            device = await tenants.ensure_device(connection, one.id, "PC", at=NOON, site_id=site, os="linux")
            assert await tenants.ensure_device(connection, one.id, "PC", at=NOON) == device
            assert await tenants.load_devices(connection, one.id) == [device]
            with pytest.raises(Poison):
                await tenants.load_device(connection, two.id, device.id)
            await connection.execute(
                agents.insert().values(
                    id="agent", tenant_id=one.id, device_id=device.id, credential_hash="x", enrolled_at=NOON
                )
            )
            assert await tenants.device_of(connection, "agent") == device
            with pytest.raises(Poison):
                await tenants.load_tenant(connection, "nobody")
            with pytest.raises(Misconfigured, match="one of"):
                await tenants.create_contact(connection, one.id, "x", sms_from="loud")
