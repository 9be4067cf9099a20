"""The uplink against a real HTTP server that holds the upload contract."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from collectors.http import Client
from collectors.identity import Identity
from collectors.spool import Spool
from collectors.uplink import Backoff, Uplink
from jikimi.domain.event import Event, EventBatch
from jikimi.domain.logsource import FILE_ACCESS, NETWORK_FLOW
from jikimi.errors import Refused, Transient
from tests.collectors.centre import Centre, Fault, serving

AWAY: Fault = (503, {"error": "not now", "code": "unavailable"}, {})


def _events(count: int, start: int = 0, size: int = 100) -> list[Event]:
    return [{"@timestamp": "2026-11-22T00:00:00.000000Z", "n": start + n, "pad": "x" * size} for n in range(count)]


@pytest.fixture
def centre() -> Iterator[Centre]:
    with serving(Centre()) as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with Client(10) as opened:
        yield opened


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    opened = await Spool.open(tmp_path / "spool", agent_id="a1", hostname="pc-1")
    yield opened
    await opened.close()


class Naps:
    """Records the waits instead of sleeping them."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def _uplink(client: Client, centre: Centre, spool: Spool, naps: Naps | None = None, retries: int | None = 20) -> Uplink:
    identity = Identity(centre.url, "a1", "t1", "d1", "pc-1", "secret")
    return Uplink(client, identity, spool, sleep=naps or Naps(), most_retries=retries)


async def test_everything_arrives_once_in_order_and_leaves_the_spool(
    client: Client, centre: Centre, spool: Spool
) -> None:
    for start in range(0, 3000, 500):
        await spool.put(NETWORK_FLOW, _events(500, start, size=900))
    uplink = _uplink(client, centre, spool)
    await uplink.drain()
    assert [event["n"] for event in centre.stored()] == list(range(3000))
    assert centre.largest <= 256 * 1024
    assert spool.waiting_bytes() == 0
    assert uplink.sent.accepted == uplink.sent.events == 3000


async def test_a_lost_answer_is_sent_again_with_the_same_numbers_and_cut_as_duplicates(
    client: Client, centre: Centre, spool: Spool
) -> None:
    await spool.put(NETWORK_FLOW, _events(10))
    await spool.put(NETWORK_FLOW, _events(10, 10))
    centre.cut_after_taking = 1
    uplink = _uplink(client, centre, spool)
    await uplink.drain()
    assert [event["n"] for event in centre.stored()] == list(range(20))
    assert (uplink.sent.duplicates, centre.duplicates) == (10, 10)


async def test_a_centre_that_is_away_is_asked_again_no_sooner_than_it_says(
    client: Client, centre: Centre, spool: Spool
) -> None:
    await spool.put(NETWORK_FLOW, _events(1))
    centre.faults.extend([AWAY, (429, {"error": "quota", "code": "quota"}, {"retry-after": "7"}), AWAY])
    naps = Naps()
    await _uplink(client, centre, spool, naps).drain()
    assert len(centre.events) == 1
    assert len(naps.taken) == 3
    assert naps.taken[1] >= 7


async def test_a_line_that_is_down_gives_up_only_when_told_to(client: Client, spool: Spool) -> None:
    await spool.put(NETWORK_FLOW, _events(1))
    nowhere = Centre()
    nowhere.url = "http://127.0.0.1:9"
    uplink = _uplink(client, nowhere, spool, retries=3)
    with pytest.raises(Transient, match=r"127\.0\.0\.1:9"):
        await uplink.drain()
    assert uplink.sent.retries == 4
    assert spool.waiting_bytes() > 0


async def test_a_revoked_agent_stops_asking_and_keeps_its_events(client: Client, centre: Centre, spool: Spool) -> None:
    await spool.put(NETWORK_FLOW, _events(1))
    centre.revoked = True
    with pytest.raises(Refused, match="revoked"):
        await _uplink(client, centre, spool).drain()
    assert spool.waiting_bytes() > 0


@pytest.mark.parametrize("status", [400, 413, 415, 422])
async def test_a_refused_batch_is_kept_told_and_passed_over(
    client: Client, centre: Centre, spool: Spool, tmp_path: Path, status: int
) -> None:
    await spool.put(FILE_ACCESS, _events(3))
    await spool.put(FILE_ACCESS, _events(2, 3))
    centre.faults.append((status, {"error": "malformed body", "code": "malformed"}, {}))
    uplink = _uplink(client, centre, spool)
    await uplink.drain()
    health = [event for event in centre.stored() if event.get("Kind") == "gap"]
    assert [(event["Dropped"], "malformed body" in event["Reason"]) for event in health] == [(3, True)]
    assert [event["n"] for event in centre.stored() if "n" in event] == [3, 4]
    assert b"malformed body" in (tmp_path / "spool" / "dead-letters.ndjson").read_bytes()
    assert uplink.sent.rejected == spool.dead_lettered == 3


async def test_numbers_the_spool_dropped_are_declared_lost_once(client: Client, centre: Centre, tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path / "small", agent_id="a1", max_bytes=20_000)
    uplink = _uplink(client, centre, spool)
    await spool.put(NETWORK_FLOW, _events(10))
    await uplink.drain()
    for start in range(10, 400, 10):
        await spool.put(NETWORK_FLOW, _events(10, start))
    await uplink.drain()
    await spool.close()
    assert spool.dropped > 0
    assert [last - first + 1 for first, last in centre.lost] == [spool.dropped]
    assert sum(event["Dropped"] for event in centre.stored() if event.get("Kind") == "gap") == spool.dropped
    assert uplink.sent.lost == spool.dropped


async def test_no_batch_is_sent_beyond_the_credit(client: Client, centre: Centre, spool: Spool) -> None:
    for start in range(0, 50, 10):
        await spool.put(NETWORK_FLOW, _events(10, start))
    centre.credits.extend([0, 0, 500, 9000, 100, 9000])
    await _uplink(client, centre, spool).drain()
    assert [event["n"] for event in centre.stored()] == list(range(50))
    assert centre.overdrawn == 0
    assert centre.empty_uploads == 4


async def test_a_centre_that_was_away_for_an_hour_was_asked_seldom_and_gets_everything(
    client: Client, centre: Centre, spool: Spool
) -> None:
    for start in range(0, 100, 10):
        await spool.put(NETWORK_FLOW, _events(10, start))
    asked = 0

    class Hour(Naps):
        async def __call__(self, seconds: float) -> None:
            nonlocal asked
            asked += 1
            await super().__call__(seconds)
            if sum(self.taken) < 3600:
                centre.faults.append(AWAY)

    centre.faults.append(AWAY)
    await _uplink(client, centre, spool, Hour(), retries=None).drain()
    assert [event["n"] for event in centre.stored()] == list(range(100))
    assert 60 <= asked <= 130


async def test_what_is_fresh_and_important_overtakes_days_of_flows(
    client: Client, centre: Centre, spool: Spool
) -> None:
    """Each class has an epoch of its own, so nothing is renumbered: the file event is the very next batch."""
    for start in range(0, 20_000, 500):
        await spool.put(NETWORK_FLOW, _events(500, start))

    taken = 0
    acked = spool.acked

    async def acked_and_news(batch: EventBatch) -> None:
        nonlocal taken
        taken += 1
        await acked(batch)
        if taken == 10:
            await spool.put(FILE_ACCESS, _events(1, 99_999))

    spool.acked = acked_and_news  # type: ignore[method-assign]
    await _uplink(client, centre, spool).drain()
    numbers = [event["n"] for event in centre.stored()]
    assert numbers.index(99_999) == 10 * 500
    assert [number for number in numbers if number != 99_999] == list(range(20_000))


def test_the_backoff_grows_with_jitter_to_its_limit() -> None:
    backoff = Backoff(first=1, longest=60)
    for retry in range(1, 40):
        assert min(60, 2 ** (retry - 1)) / 2 <= backoff.seconds(retry) <= min(60, 2 ** (retry - 1))
    assert backoff.seconds(1, at_least=12) == 12
