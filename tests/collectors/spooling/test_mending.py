"""A spool whose files are not what was written: what is sound comes, what is not is told, nothing is silent."""

import shutil
import sqlite3
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors import marks
from collectors.spool import Spool
from jikimi.domain.event import Event, EventBatch, canonical
from jikimi.domain.logsource import AGENT_HEALTH, FILE_ACCESS, NETWORK_FLOW, LogSource
from jikimi.stream.sqlite_file import OFFSET_BITS
from tests.collectors.drained import drain

LOGS = LogSource(product="linux", service="auth")
SOURCES = (NETWORK_FLOW, LOGS, FILE_ACCESS)
PAGE = 8192


def _lines(first: int, count: int) -> list[bytes]:
    return [
        canonical({"@timestamp": "2026-11-22T00:00:00.000000Z", "n": first + n, "p": "x" * 100}) for n in range(count)
    ]


async def _filled(folder: Path, *, each: int = 10) -> Spool:
    """36 batches of three classes, of which the centre has the first two."""
    spool = await Spool.open(folder, agent_id="a1")
    number = 0
    for _ in range(12):
        lines = {source: _lines(number + n * each, each) for n, source in enumerate(SOURCES)}
        number += await spool.keep(lines)
    for _ in range(2):
        batch = await spool.next(0)
        assert batch is not None
        await spool.acked(batch)
    return spool


async def _killed(folder: Path) -> Path:
    """What a kill would leave of such a spool."""
    spool = await _filled(folder / "alive")
    shutil.copytree(folder / "alive", folder / "dead")
    await spool.close()
    return folder / "dead"


async def _ended(folder: Path) -> Path:
    await (await _filled(folder / "spool")).close()
    return folder / "spool"


class Came(NamedTuple):
    """`numbers` of events by how often they came; `told` = health events of the spool itself."""

    numbers: Counter[int]
    told: list[Event]

    @property
    def dropped(self) -> int:
        return sum(event.get("Dropped", 0) for event in self.told if event["Kind"] == "gap")


async def _opened(folder: Path) -> Came:
    """What comes out of it, and out of a second opening, which must have nothing to tell."""
    spool = await Spool.open(folder, agent_id="a1")
    came = _came(await drain(spool))
    await spool.close()
    again = await Spool.open(folder, agent_id="a1")
    assert await again.next(0) is None
    await again.close()
    return came


def _came(batches: list[EventBatch]) -> Came:
    events = [(batch.envelope.logsource, event) for batch in batches for event in batch.events()]
    for source, event in events:
        assert source == AGENT_HEALTH or event["p"] == "x" * 100
    told = [event for source, event in events if source == AGENT_HEALTH]
    return Came(Counter(event["n"] for source, event in events if source != AGENT_HEALTH), told)


ACKED = 20
ALL = 360


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kill=st.booleans(),
    name=st.sampled_from(["log.db", "log.db-wal", "log.db-shm"]),
    at=st.floats(0, 1, exclude_max=True),
    damage=st.one_of(st.just("cut"), st.just("zero"), st.integers(1, 255)),
)
async def test_damage_anywhere_alters_and_doubles_nothing_and_what_is_missing_is_told_to_the_number(
    tmp_path_factory: pytest.TempPathFactory, *, kill: bool, name: str, at: float, damage: str | int
) -> None:
    folder = await (_killed if kill else _ended)(tmp_path_factory.mktemp("spool"))
    file = folder / name
    raw = bytearray(file.read_bytes()) if file.exists() else bytearray()
    place = int(len(raw) * at)
    if damage == "cut":
        raw = raw[:place]
    elif isinstance(damage, int) and raw:
        raw[place] ^= damage
    elif raw:
        raw[place : place + 4096] = bytes(len(raw[place : place + 4096]))
    if file.exists():
        file.write_bytes(raw)
    came = await _opened(folder)
    assert set(came.numbers.values()) <= {1}
    assert len(came.numbers) + came.dropped == ALL - ACKED


async def test_a_file_whose_header_is_gone_gives_all_that_waited(tmp_path: Path) -> None:
    folder = await _ended(tmp_path)
    raw = (folder / "log.db").read_bytes()
    (folder / "log.db").write_bytes(b"\xff" * 100 + raw[100:])
    came = await _opened(folder)
    assert (len(came.numbers), [event["Kind"] for event in came.told]) == (ALL - ACKED, ["degraded"])
    assert not (folder / "log.db.damaged").exists()


async def test_a_batch_whose_bytes_changed_costs_itself_and_is_told_with_its_extent(tmp_path: Path) -> None:
    """SQLite itself sees nothing wrong in it."""
    folder = await _ended(tmp_path)
    with sqlite3.connect(folder / "log.db") as raw:
        low = 3 << OFFSET_BITS
        ((value,),) = raw.execute("SELECT value FROM records WHERE id = ?", (low + 5,)).fetchall()
        raw.execute("UPDATE records SET value = ? WHERE id = ?", (value.replace(b'"n":15', b'"n":16'), low + 5))
    raw.close()
    came = await _opened(folder)
    (gap,) = came.told
    assert len(came.numbers) == ALL - ACKED - 10
    assert (gap["Kind"], gap["Collector"], gap["Dropped"]) == ("gap", "spool", 10)
    assert gap["From"] <= gap["To"]
    assert "class low" in gap["Reason"]


async def test_headers_that_cannot_be_read_cost_their_batch_only(tmp_path: Path) -> None:
    folder = await _ended(tmp_path)
    with sqlite3.connect(folder / "log.db") as raw:
        raw.execute("UPDATE records SET headers = x'ff00' WHERE id = ?", ((3 << OFFSET_BITS) + 5,))
    raw.close()
    came = await _opened(folder)
    assert (len(came.numbers), came.dropped) == (ALL - ACKED - 10, 10)


async def test_a_spool_that_was_removed_while_events_waited_is_told_with_their_number(tmp_path: Path) -> None:
    folder = await _ended(tmp_path)
    (folder / "log.db").unlink()
    came = await _opened(folder)
    assert (len(came.numbers), came.dropped) == (0, ALL - ACKED)


async def test_damage_met_while_running_is_mended_without_an_end(tmp_path: Path) -> None:
    """What sources hand in meanwhile is kept, and the centre cuts by its numbers what comes again."""
    spool = await _filled(tmp_path, each=200)
    raw = bytearray((tmp_path / "log.db").read_bytes())
    for at in range(PAGE, len(raw), PAGE):
        if raw[at] in (2, 5):  # the pages that lead to the others
            raw[at : at + PAGE] = b"\xff" * PAGE
    (tmp_path / "log.db").write_bytes(raw)
    batches = await drain(spool)
    await spool.keep({FILE_ACCESS: _lines(100_000, 1)})
    batches += await drain(spool)
    await spool.close()
    came = _came(batches)
    assert 100_000 in came.numbers
    seen = {(batch.envelope.epoch, batch.envelope.first_seq): batch for batch in batches}
    once = _came(list(seen.values()))
    assert set(once.numbers.values()) == {1}
    assert len(once.numbers) + came.dropped == 20 * (ALL - ACKED) + 1


async def test_a_mending_that_was_killed_begins_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = await _ended(tmp_path)
    raw = (folder / "log.db").read_bytes()
    (folder / "log.db").write_bytes(b"\xff" * 100 + raw[100:])
    monkeypatch.setattr("collectors.spooling.mending.Account.missing", _killed_here)
    with pytest.raises(RuntimeError):
        await Spool.open(folder, agent_id="a1")
    monkeypatch.undo()
    copied = tmp_path / "copied"  # the interrupted opening still holds the lock of the other
    shutil.copytree(folder, copied)
    came = await _opened(copied)
    assert len(came.numbers) == ALL - ACKED


def _killed_here(_: object) -> None:
    raise RuntimeError


async def test_a_spool_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """Which wrote neither checksums nor how far it reached."""
    folder = await _ended(tmp_path)
    (folder / "tide").unlink()
    with sqlite3.connect(folder / "log.db") as raw:
        for number, headers in raw.execute("SELECT id, headers FROM records").fetchall():
            end = headers.index(b"\x05\x00\x04\x00\x00\x00check")
            raw.execute("UPDATE records SET headers = ? WHERE id = ?", (headers[:end], number))
    raw.close()
    came = await _opened(folder)
    assert len(came.numbers) == ALL - ACKED


@pytest.mark.parametrize("tide", [None, b"damaged"])
async def test_where_nothing_says_how_far_a_spool_reached_that_is_told_once(tmp_path: Path, tide: bytes | None) -> None:
    folder = await _ended(tmp_path)
    (folder / "tide").unlink() if tide is None else (folder / "tide").write_bytes(tide)
    for told in (["degraded"], []):
        came = await _opened(folder)
        assert [event["Kind"] for event in came.told] == told
    assert all("how far the spool reached" in event["Reason"] for event in came.told)


@pytest.mark.parametrize("at", [18, 60], ids=["may not be written", "another version"])
async def test_a_header_that_says_something_else_stops_no_agent(tmp_path: Path, at: int) -> None:
    folder = await _ended(tmp_path)
    raw = bytearray((folder / "log.db").read_bytes())
    raw[at] = raw[at + 1] = 9
    (folder / "log.db").write_bytes(raw)
    came = await _opened(folder)
    assert (len(came.numbers), [event["Kind"] for event in came.told]) == (ALL - ACKED, ["degraded"])


@pytest.mark.parametrize("kill", [True, False])
async def test_where_logs_are_read_on_is_known_after_damage(tmp_path: Path, *, kill: bool) -> None:
    """Whether SQLite can still read its notes, or they come with the batches of their commit."""
    spool = await Spool.open(tmp_path / "alive", agent_id="a1")
    for number in range(6):
        place = marks.mark("logs", "syslog", f"place {number}")
        await spool.keep({LOGS: _lines(number, 1), marks.MARK: [place]})
    if kill:
        shutil.copytree(tmp_path / "alive", tmp_path / "dead")
    await spool.close()
    folder = tmp_path / ("dead" if kill else "alive")
    name = "log.db-wal" if kill else "log.db"
    raw = (folder / name).read_bytes()
    (folder / name).write_bytes(b"\xff" * 30 + raw[30:])
    again = await Spool.open(folder, agent_id="a1")
    assert again.marks("logs") == {"syslog": "place 5"}
    assert len(_came(await drain(again)).numbers) == 6
    await again.close()
