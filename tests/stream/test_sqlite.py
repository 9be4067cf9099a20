"""What the embedded log promises beyond the port (tests/contracts/test_event_log.py holds it to that)."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jikimi.errors import Misconfigured, Transient
from jikimi.stream import sqlite_writer
from jikimi.stream.port import NewRecord
from jikimi.stream.sqlite import Retention, SqliteEventLog
from jikimi.stream.sqlite_file import open_reader, pack_headers, unpack_headers


def open_log(folder: Path, partitions: int = 1, retention: Retention | None = None) -> SqliteEventLog:
    return SqliteEventLog.open(folder, partitions=partitions, ballast_bytes=0, retention=retention or Retention())


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteEventLog]:
    opened = open_log(tmp_path / "log")
    yield opened
    opened.close_blocking()


class TestOpen:
    def test_says_which_process_has_the_folder(self, log: SqliteEventLog) -> None:
        """A second process is told folder and pid, and what to do."""
        code = (
            "import sys; from pathlib import Path; from jikimi.stream.sqlite import SqliteEventLog\n"
            "from jikimi.errors import Misconfigured\n"
            "try: SqliteEventLog.open(Path(sys.argv[1]))\n"
            "except Misconfigured as error: print(error)"
        )
        said = subprocess.run([sys.executable, "-c", code, log.folder], capture_output=True, text=True, check=True)
        assert str(log.folder) in said.stdout
        assert f"process {os.getpid()}" in said.stdout
        assert "already" in said.stdout

    def test_frees_the_folder_when_the_process_dies(self, tmp_path: Path) -> None:
        """A lock left by a killed process is no lock."""
        code = (
            "import os, sys; from pathlib import Path; from jikimi.stream.sqlite import SqliteEventLog\n"
            "log = SqliteEventLog.open(Path(sys.argv[1]), ballast_bytes=0); os.kill(os.getpid(), 9)"
        )
        subprocess.run([sys.executable, "-c", code, tmp_path / "log"], check=False)
        assert (tmp_path / "log" / "lock").exists()
        open_log(tmp_path / "log").close_blocking()

    def test_keeps_the_folder_to_its_owner(self, log: SqliteEventLog) -> None:
        assert log.folder.stat().st_mode & 0o077 == 0

    @pytest.mark.parametrize("wrong", ["file", "damaged", "newer"])
    def test_refuses_what_is_not_its_own(self, tmp_path: Path, wrong: str) -> None:
        """One sentence that names the path; the lock is free again afterwards."""
        folder = tmp_path / "log"
        if wrong == "file":
            folder.write_text("not a folder")
        else:
            open_log(folder).close_blocking()
            if wrong == "damaged":
                (folder / "log.db").write_bytes(b"this is no database" * 1000)
            else:
                connection = sqlite3.connect(folder / "log.db")
                connection.execute("PRAGMA user_version = 99")
                connection.close()
        for _ in range(2):
            with pytest.raises(Misconfigured, match=str(folder)):
                open_log(folder)

    def test_a_topic_keeps_its_number_of_partitions(self, tmp_path: Path) -> None:
        """Opened with another number, keys stay where they are."""
        log = open_log(tmp_path / "log", partitions=3)
        log.append_blocking("events", [NewRecord(b"k", b"x")])
        log.close_blocking()
        again = open_log(tmp_path / "log", partitions=8)
        assert len(again.bounds("events")) == 3
        assert len(again.bounds("other")) == 8
        again.close_blocking()


class TestDurability:
    def test_writes_ahead_and_syncs_every_commit(self, log: SqliteEventLog) -> None:
        assert log._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert log._connection.execute("PRAGMA synchronous").fetchone() == (2,)

    def test_readers_can_neither_write_nor_checkpoint(self, log: SqliteEventLog) -> None:
        """Only one connection ever writes; two that checkpoint can corrupt SQLite before 3.51.3."""
        log.append_blocking("events", [NewRecord(b"k", b"x")])
        reader = open_reader(log.path)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM records")
        reader.close()

    def test_the_end_survives_a_retention_that_deleted_everything(self, tmp_path: Path) -> None:
        """The next offset is stored, not derived from the rows: none of them is left."""
        log = open_log(tmp_path / "log")
        log.append_blocking("events", [NewRecord(b"k", b"x")] * 5)
        log.trim_blocking("events", 0, 5)
        assert log._connection.execute("SELECT count(*) FROM records").fetchone() == (0,)
        log.close_blocking()
        again = open_log(tmp_path / "log")
        assert again.append_blocking("events", [NewRecord(b"k", b"x")]) == [(0, 5)]
        again.close_blocking()

    def test_a_failed_commit_keeps_nothing_and_gives_its_offsets_again(self, log: SqliteEventLog) -> None:
        log.append_blocking("events", [NewRecord(b"k", b"x")])
        log._connection.execute("CREATE TEMP TRIGGER refuse BEFORE INSERT ON main.records"
                                " BEGIN SELECT RAISE(ABORT, 'no'); END")  # fmt: skip
        with pytest.raises(Transient):
            log.append_blocking("events", [NewRecord(b"k", b"lost")])
        log._connection.execute("DROP TRIGGER refuse")
        assert log.append_blocking("events", [NewRecord(b"k", b"y")]) == [(0, 1)]

    async def test_close_commits_what_waits(self, tmp_path: Path) -> None:
        log = open_log(tmp_path / "log")
        waiting = [asyncio.create_task(log.append("events", [NewRecord(b"k", b"x")])) for _ in range(50)]
        await asyncio.sleep(0.01)
        await log.close()
        stored = [done for done in await asyncio.gather(*waiting, return_exceptions=True) if isinstance(done, list)]
        again = open_log(tmp_path / "log")
        assert again.bounds("events") == {0: (0, len(stored))}
        again.close_blocking()


class TestGroupCommit:
    def test_shares_one_commit_among_those_who_wait(self, log: SqliteEventLog, monkeypatch: pytest.MonkeyPatch) -> None:
        """What arrives during one commit goes into the next one together."""
        log.append_blocking("events", [NewRecord(b"k", b"x")])
        commits: list[int] = []
        entered, release = threading.Event(), threading.Event()
        finish = sqlite_writer.Transaction.finish

        def slow(transaction: sqlite_writer.Transaction) -> None:
            commits.append(len(transaction._rows))
            entered.set()
            release.wait(10)
            finish(transaction)

        monkeypatch.setattr(sqlite_writer.Transaction, "finish", slow)
        pending = [log._submit_append({"events": [NewRecord(b"k", b"x")]})]
        assert entered.wait(10)
        pending += [log._submit_append({"events": [NewRecord(b"k", b"x")]}) for _ in range(20)]
        release.set()
        assert [future.result()["events"][0][1] for future in pending] == list(range(1, 22))
        assert commits == [1, 20]

    def test_takes_only_so_much_ahead_of_the_disk(self, log: SqliteEventLog, monkeypatch: pytest.MonkeyPatch) -> None:
        """A bounded queue: beyond it the caller is told to come again."""
        monkeypatch.setattr(sqlite_writer, "MAX_PENDING_BYTES", 100)
        with pytest.raises(Transient, match="behind"):
            log.append_blocking("events", [NewRecord(b"k", bytes(200))])

    def test_threads_may_append_without_an_event_loop(self, log: SqliteEventLog) -> None:
        def write() -> None:
            for _ in range(25):
                log.append_blocking("events", [NewRecord(b"k", b"x")])

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert log.bounds("events") == {0: (0, 100)}


class TestTrim:
    def test_goes_in_small_steps_between_which_others_append(
        self, log: SqliteEventLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No append ever waits for more than one step of a long deletion."""
        monkeypatch.setattr(sqlite_writer, "STEP_ROWS", 10)
        log.append_blocking("events", [NewRecord(b"k", b"x")] * 100)
        steps: list[int] = []
        trim = sqlite_writer.Transaction.trim

        def counted(transaction: sqlite_writer.Transaction, *args: object, **kwargs: object) -> int:
            step = trim(transaction, *args, **kwargs)  # type: ignore[arg-type] # passed on as they came
            steps.append(step)
            return step

        monkeypatch.setattr(sqlite_writer.Transaction, "trim", counted)
        assert log.trim_blocking("events", 0, 95) == 95
        assert steps == [10] * 9 + [5]

    def test_steps_are_bounded_in_bytes_too(self, log: SqliteEventLog, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sqlite_writer, "STEP_BYTES", 1000)
        log.append_blocking("events", [NewRecord(b"k", bytes(999))] * 3)
        assert log._writer.submit(lambda tx: tx.trim(log._extents("events")[0], 3)).result() == 1

    def test_beyond_the_end_stops_at_the_end(self, log: SqliteEventLog) -> None:
        log.append_blocking("events", [NewRecord(b"k", b"x")] * 3)
        assert log.trim_blocking("events", 0, 1000) == 3
        assert log.bounds("events") == {0: (3, 3)}

    def test_size_is_the_payload_that_is_left(self, log: SqliteEventLog) -> None:
        """By topic and in all; the same after a restart."""
        log.append_blocking("low", [NewRecord(b"key", b"value", {"h": b"header"})] * 4)
        log.append_blocking("high", [NewRecord(b"", b"12345")])
        one = len(b"key" + b"value") + len(pack_headers({"h": b"header"}))
        assert (log.size("low"), log.size("high"), log.size()) == (4 * one, 5, 4 * one + 5)
        log.trim_blocking("low", 0, 3)
        assert log.size("low") == one
        assert log.size("unknown") == 0
        log.close_blocking()
        again = open_log(log.folder)
        assert again.size() == one + 5
        again.close_blocking()


class TestRetention:
    async def test_by_bytes_drops_the_oldest_of_all_partitions_and_no_more_than_needed(self, tmp_path: Path) -> None:
        log = open_log(tmp_path / "log", 4, Retention(max_bytes=1000))
        for number in range(40):
            await log.append("events", [NewRecord(f"{number:04}".encode(), bytes(96))])
        await log.retain()
        assert 900 < log.size() <= 1000
        consumer = await log.consumer("g", ["events"])
        kept = sorted(int(record.key) for record in await consumer.poll(max_records=100, timeout=5.0))
        assert len(kept) == 10
        assert min(kept) >= 25  # appended within one millisecond they may tie
        await log.close()

    async def test_by_age_drops_what_is_older_and_keeps_the_rest(self, tmp_path: Path) -> None:
        now = datetime(2026, 11, 22, tzinfo=UTC)
        log = SqliteEventLog.open(
            tmp_path / "log", partitions=1, retention=Retention(max_age=timedelta(days=7)), clock=lambda: now
        )
        await log.append("events", [NewRecord(b"k", b"old")] * 3)
        now += timedelta(days=5)
        await log.append("events", [NewRecord(b"k", b"new")] * 2)
        now += timedelta(days=3)
        await log.retain()
        assert log.bounds("events") == {0: (3, 5)}
        await log.close()

    async def test_runs_by_itself(self, tmp_path: Path) -> None:
        log = open_log(tmp_path / "log", 1, Retention(max_bytes=10_000))
        await log.append("events", [NewRecord(b"k", bytes(1000))] * 50)
        for _ in range(50):  # each of these waits for a commit, between which the retention takes its steps
            await log.append("events", [NewRecord(b"k", b"")])
        assert log.size() <= 10_050
        await log.close()

    async def test_under_a_slow_reader_is_counted_by_it(self, tmp_path: Path) -> None:
        log = open_log(tmp_path / "log")
        await log.append("events", [NewRecord(b"k", b"x")] * 10)
        consumer = await log.consumer("g", ["events"])
        await consumer.poll(max_records=2, timeout=5.0)
        await log.trim("events", 0, 7)
        records = await consumer.poll(max_records=10, timeout=5.0)
        assert [record.offset for record in records] == [7, 8, 9]
        assert consumer.skipped == 5
        await log.close()


class TestLongPoll:
    async def test_sleeps_until_it_is_woken(self, log: SqliteEventLog) -> None:
        """Waiting is not polling: the consumer looks once, and once more when a record came."""
        consumer = await log.consumer("g", ["events"])
        looks = 0
        ready = consumer._ready

        def counted() -> object:
            nonlocal looks
            looks += 1
            return ready()

        consumer._ready = counted  # type: ignore[method-assign,assignment] # watching it
        waiting = asyncio.create_task(consumer.poll(max_records=1, timeout=30))
        await asyncio.sleep(0.2)
        assert looks == 1
        await log.append("events", [NewRecord(b"k", b"x")])
        assert len(await waiting) == 1
        assert looks == 2

    async def test_is_woken_by_an_append_from_another_thread(self, log: SqliteEventLog) -> None:
        consumer = await log.consumer("g", ["events"])
        waiting = asyncio.create_task(consumer.poll(max_records=1, timeout=30))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(log.append_blocking, "events", [NewRecord(b"k", b"x")])
        async with asyncio.timeout(60):
            assert len(await waiting) == 1

    async def test_cancelled_loses_nothing(self, log: SqliteEventLog) -> None:
        consumer = await log.consumer("g", ["events"])
        waiting = asyncio.create_task(consumer.poll(max_records=1, timeout=30))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await log.append("events", [NewRecord(b"k", b"x")])
        assert len(await consumer.poll(max_records=5, timeout=5.0)) == 1


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=20), st.binary(max_size=300), max_size=6))
def test_headers_come_back_as_they_went_in(headers: dict[str, bytes]) -> None:
    assert unpack_headers(pack_headers(headers)) == headers


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["append", "trim", "reopen"]), st.integers(0, 12)), max_size=12))
def test_what_is_kept_is_always_what_was_appended_less_what_was_trimmed(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """The law of a partition, against a model: values by offset, over appends, trims and restarts."""
    folder = tmp_path_factory.mktemp("law") / "log"
    log = open_log(folder)
    kept: dict[int, bytes] = {}
    end = 0
    for step, number in steps:
        if step == "append" and number:
            values = [b"%d" % (end + n) for n in range(number)]
            places = log.append_blocking("events", [NewRecord(b"", value) for value in values])
            assert [offset for _, offset in places] == list(range(end, end + number))
            kept |= dict(zip(range(end, end + number), values, strict=True))
            end += number
        elif step == "trim":
            log.trim_blocking("events", 0, number)
            kept = {offset: value for offset, value in kept.items() if offset >= number}
        elif step == "reopen":
            log.close_blocking()
            log = open_log(folder)
    assert log.bounds("events") == {0: (min(kept, default=end), end)}
    assert log.size() == sum(map(len, kept.values()))
    log.close_blocking()
    reader = open_reader(log.path)
    assert dict(reader.execute("SELECT id, value FROM records")) == kept
    reader.close()
