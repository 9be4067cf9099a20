"""The event store keeps every event's bytes, once, and finds them within the tenant scope only."""

import asyncio
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jikimi.domain.event import canonical
from jikimi.domain.logsource import FILE_ACCESS, LogSource
from jikimi.domain.scope import TenantScope
from jikimi.errors import Misconfigured
from jikimi.storage.events import EventQuery, EventStore
from jikimi.testing.batches import NOON, batch_of, events_of

EVERY = TenantScope.every_tenant()
SYSMON = LogSource(product="windows", category="process_creation")


async def numbers(store: EventStore, query: EventQuery) -> list[int]:
    return [int(event.event_id.rpartition(".")[2]) for event in await store.search(query)]


class TestInsert:
    async def test_gives_back_the_same_bytes(self, store: EventStore) -> None:
        [event] = events_of(1, CommandLine='C:\\x "한글" \n ☃', Nested={"@timestamp": "2001-01-01T00:00:00Z"})
        assert await store.insert([batch_of([event])], token="a") == 1
        [stored] = await store.search(EventQuery(EVERY))
        assert stored.raw == canonical(event)
        assert stored.event_id == "agent.epoch.0"
        assert (stored.time, stored.received_at) == (NOON, NOON)
        assert stored.logsource == FILE_ACCESS

    async def test_takes_a_token_once(self, store: EventStore) -> None:
        batches = [batch_of(events_of(1000))]
        for _ in range(3):
            assert await store.insert(batches, token="events/0/0-1") == 1000
        assert await store.count(EVERY) == 1000

    async def test_takes_the_same_events_under_another_token(self, store: EventStore) -> None:
        """Equality of content is not what deduplicates."""
        for token in ("a", "b"):
            await store.insert([batch_of(events_of(10))], token=token)
        assert await store.count(EVERY) == 20

    async def test_stays_one_insert_when_it_is_large(self, store: EventStore) -> None:
        batches = [batch_of(events_of(5000, Text="x" * 200), first_seq=n * 5000) for n in range(20)]
        for _ in range(2):
            await store.insert(batches, token="large")
        assert await store.count(EVERY) == 100_000

    @pytest.mark.parametrize("stamp", ["yesterday", "2026-11-22T12:00:00", None, 5])
    async def test_keeps_an_event_without_a_readable_time_under_its_arrival(
        self, store: EventStore, stamp: object
    ) -> None:
        await store.insert([batch_of([{"@timestamp": stamp}])], token="a")
        [stored] = await store.search(EventQuery(EVERY))
        assert stored.time == NOON

    async def test_keeps_an_event_of_an_impossible_year(self, store: EventStore) -> None:
        odd = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
        await store.insert([batch_of([{"@timestamp": stamp} for stamp in odd])], token="a")
        assert [event.time.year for event in await store.search(EventQuery(EVERY))] == [2262, 1900]

    async def test_tells_what_of_a_batch_is_missing(self, store: EventStore) -> None:
        whole = batch_of([{**event, "Seq": n} for n, event in enumerate(events_of(10))])
        parts = [batch_of(list(whole.events())[a:b], first_seq=a) for a, b in ((2, 4), (6, 7))]
        await store.insert(parts, token="a")
        missing = await store.missing([whole])
        assert [[event["Seq"] for event in batch.events()] for batch in missing] == [[0, 1], [4, 5], [7, 8, 9]]
        await store.insert(missing, token="b")
        assert await store.missing([whole]) == []
        assert await numbers(store, EventQuery(EVERY)) == list(range(9, -1, -1))

    async def test_nothing_is_no_insert(self, store: EventStore) -> None:
        assert await store.insert([], token="a") == 0


class TestSearch:
    @pytest.fixture(autouse=True)
    async def filled(self, store: EventStore) -> None:
        await store.insert(
            [
                batch_of(events_of(5, TargetFilename="D:\\도면\\엔진 설계.dwg", Protected=True, SizeBytes=42)),
                batch_of(events_of(5, Image="C:\\Windows\\CMD.exe"), first_seq=5, logsource=SYSMON, device_id="pc"),
                batch_of(events_of(5, TargetFilename="other"), tenant_id="other", agent_id="foreign", first_seq=10),
            ],
            token="a",
        )

    async def test_shows_newest_first_and_no_more_than_the_limit(self, store: EventStore) -> None:
        query = EventQuery(TenantScope.of("tenant"), limit=3)
        assert await numbers(store, query) == [9, 4, 8]

    async def test_sees_its_own_tenants_only(self, store: EventStore) -> None:
        assert len(await store.search(EventQuery(TenantScope.of("tenant")))) == 10
        assert len(await store.search(EventQuery(TenantScope.of("tenant", "other")))) == 15
        assert await store.search(EventQuery(TenantScope.of())) == []
        assert await store.count(TenantScope.of("other")) == 5

    async def test_narrows_by_time(self, store: EventStore) -> None:
        until = NOON + timedelta(seconds=2)
        query = EventQuery(TenantScope.of("tenant"), since=NOON + timedelta(seconds=1), until=until)
        assert await numbers(store, query) == [6, 1]

    async def test_narrows_by_device_and_log_source(self, store: EventStore) -> None:
        assert await numbers(store, EventQuery(EVERY, device_id="pc")) == [9, 8, 7, 6, 5]
        assert await numbers(store, EventQuery(EVERY, logsource=LogSource(product="windows"))) == [9, 8, 7, 6, 5]
        assert await numbers(store, EventQuery(EVERY, logsource=LogSource(product="windows", service="x"))) == []

    @pytest.mark.parametrize(
        ("name", "value", "found"),
        [
            ("Image", "c:\\windows\\cmd.EXE", 5),
            ("Image", "cmd.exe", 0),
            ("TargetFilename", "d:\\도면\\엔진 설계.DWG", 5),
            ("SizeBytes", "42", 5),
            ("SizeBytes", "4", 0),
            ("Protected", "true", 5),
            ("Number", "3", 3),
            ("Missing", "", 0),
            ("Missing", "null", 0),
            ("Image' OR 1=1 --", "x", 0),
        ],
    )
    async def test_narrows_by_a_field(self, store: EventStore, name: str, value: str, found: int) -> None:
        assert len(await store.search(EventQuery(EVERY, fields=((name, value),)))) == found

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("설계", 5),
            ("도면\\엔진", 5),
            ("windows\\cmd", 5),
            ("TARGETFILENAME", 10),
            ("설계도", 0),
            ("' OR 1=1 --", 0),
            ("{x:String}", 0),
            ("%", 0),
        ],
    )
    async def test_finds_text_anywhere(self, store: EventStore, text: str, found: int) -> None:
        assert len(await store.search(EventQuery(EVERY, text=text))) == found

    async def test_all_conditions_must_hold(self, store: EventStore) -> None:
        query = EventQuery(EVERY, text="설계", fields=(("Protected", "true"), ("Number", "3")), device_id="device")
        assert await numbers(store, query) == [3]

    async def test_gives_named_events_in_time_order_and_in_scope(self, store: EventStore) -> None:
        ids = ["agent.epoch.9", "agent.epoch.0", "foreign.epoch.10", "agent.epoch.77", "nonsense", "a.b.-1"]
        found = await store.get(TenantScope.of("tenant"), ids)
        assert [event.event_id for event in found] == ["agent.epoch.0", "agent.epoch.9"]
        assert len(await store.get(EVERY, ids)) == 3

    async def test_refuses_a_limit_that_is_none(self, store: EventStore) -> None:
        with pytest.raises(ValueError, match="limit"):
            await store.search(EventQuery(EVERY, limit=0))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20))
async def test_every_text_is_found_again_as_it_was(store: EventStore, value: str) -> None:
    """Whatever stands in a field is found by field and by text; parameters are never read as SQL."""
    device = value.encode().hex()
    await store.insert([batch_of([{"@timestamp": "2026-11-22T00:00:00Z", "F": value}], device_id=device)], token=device)
    by_field = await store.search(EventQuery(EVERY, device_id=device, fields=(("F", value),)))
    by_text = await store.search(EventQuery(EVERY, device_id=device, text=value))
    assert by_field == by_text
    assert [event.device_id for event in by_field] == [device]


def opened_elsewhere(folder: Path) -> subprocess.CompletedProcess[str]:
    code = f"""
import asyncio, pathlib
from jikimi.errors import Misconfigured
from jikimi.storage.events import EventStore
try:
    asyncio.run(EventStore.open(pathlib.Path({str(folder)!r})))
except Misconfigured as error:
    print(error)
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


class TestOpen:
    async def test_a_closed_store_opens_again_with_everything(self, tmp_path: Path) -> None:
        for n in range(2):
            async with await EventStore.open(tmp_path / "저장소") as store:
                await store.insert([batch_of(events_of(3))], token="the same")
                assert await store.count(EVERY) == 3, n

    async def test_another_process_is_told_that_it_is_taken(self, store: EventStore, tmp_path: Path) -> None:
        run = await asyncio.to_thread(opened_elsewhere, tmp_path / "events")
        assert "another centre" in run.stdout, run
        await store.insert([batch_of(events_of(1))], token="still mine")

    async def test_a_process_opens_one_folder_at_a_time(self, store: EventStore, tmp_path: Path) -> None:
        with pytest.raises(Misconfigured, match="cannot be opened"):
            await EventStore.open(tmp_path / "second")

    async def test_a_place_that_is_no_folder_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(Misconfigured, match="cannot be made here"):
            await EventStore.open(tmp_path / "file" / "events")


class TestTogether:
    async def test_searches_and_inserts_do_not_disturb_each_other(self, store: EventStore) -> None:
        async def write(n: int) -> None:
            await store.insert([batch_of(events_of(20, Text="찾을 말"), first_seq=n * 20)], token=str(n))

        async def look() -> None:
            found = await store.search(EventQuery(EVERY, text="찾을 말", limit=1000))
            assert len(found) % 20 == 0, "an insert is seen whole or not at all"

        await asyncio.gather(*(job for n in range(10) for job in (write(n), look(), look())))
        assert await store.count(EVERY) == 200

    async def test_who_gives_up_waiting_leaves_the_store_whole(self, store: EventStore) -> None:
        task = asyncio.create_task(store.insert([batch_of(events_of(1000))], token="a"))
        await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.insert([batch_of(events_of(1000))], token="a")
        assert await store.count(EVERY) == 1000

    async def test_a_reader_can_write_nothing(self, store: EventStore) -> None:
        with pytest.raises(Misconfigured, match="readonly"):
            await store._run(store._reading, lambda: store._read("TRUNCATE TABLE jikimi.events", {}))


class TestPages:
    async def test_give_every_event_of_a_company_once_in_time_order(self, store: EventStore) -> None:
        """Events of one moment are told apart by their number, also where a page ends between them."""
        batches = [batch_of(events_of(7), tenant_id="a", epoch=f"e{n}", first_seq=10 * n) for n in range(3)] + [
            batch_of(events_of(5), tenant_id="b")
        ]
        await store.insert(batches, token="t")
        for size in (1, 2, 5, 100):
            pages = [page async for page in store.pages(EVERY, "a", NOON, NOON + timedelta(days=1), size)]
            found = [event for page in pages for event in page]
            assert len(pages[0]) <= size
            assert [event.time for event in found] == sorted(event.time for event in found)
            assert len({event.event_id for event in found}) == len(found) == 21

    async def test_are_small_where_events_are_large(self, store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
        """Twice as many as before at most, and never more bytes than allowed for long."""
        monkeypatch.setattr("jikimi.storage.events.PAGE_BYTES", 10_000)
        large = events_of(40, start=NOON + timedelta(hours=1), Text="x" * 2_000)
        await store.insert([batch_of(events_of(40) + large)], token="t")
        sizes = [len(page) async for page in store.pages(EVERY, "tenant", NOON, NOON + timedelta(days=1), 4)]
        assert sizes[:3] == [4, 8, 16]
        assert max(sizes[5:]) <= 5
        assert sum(sizes) == 80

    async def test_stay_in_scope_and_time(self, store: EventStore) -> None:
        await store.insert([batch_of(events_of(3), tenant_id="a"), batch_of(events_of(4), tenant_id="b")], token="t")
        later = NOON + timedelta(days=1)
        assert await store.count_between(EVERY, NOON, later) == {"a": 3, "b": 4}
        assert await store.count_between(TenantScope.of("b"), NOON, later) == {"b": 4}
        assert await store.count_between(EVERY, later, later) == {}
        assert [page async for page in store.pages(TenantScope.of("b"), "a", NOON, later)] == []
        assert [page async for page in store.pages(EVERY, "a", later, later + timedelta(days=1))] == []
