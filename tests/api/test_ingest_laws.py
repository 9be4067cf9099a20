"""Laws of ingest over any sequence of uploads, on the whole application; and malformed bodies by the hundred."""

import asyncio
import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.running_centre import Agent, RunningCentre, body, event, running_centre

_epochs = (f"example-{n}" for n in itertools.count())

uploads = st.lists(
    st.tuples(st.integers(0, 12), st.lists(st.booleans(), max_size=6)),
    min_size=1,
    max_size=8,
)


class Driven(msgspec.Struct, frozen=True):
    """One centre for many examples: each takes an epoch of its own."""

    runner: asyncio.Runner
    centre: RunningCentre
    agent: Agent


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driven]:
    folder: Path = tmp_path_factory.mktemp("centre")
    with asyncio.Runner() as runner:
        context = running_centre(folder)
        centre = runner.run(context.__aenter__())
        yield Driven(runner, centre, runner.run(centre.agent()))
        runner.run(context.__aexit__(None, None, None))


def line_of(seq: int, is_good: bool) -> bytes:
    return event(seq) if is_good else b"bad %d" % seq


@settings(max_examples=60, deadline=None)
@given(uploads)
def test_any_uploads_leave_every_acknowledged_number_stored_once_or_dead_lettered(
    driven: Driven, wishes: list[tuple[int, list[bool]]]
) -> None:
    driven.runner.run(_check(driven, wishes))


async def _check(driven: Driven, wishes: list[tuple[int, list[bool]]]) -> None:
    """A model of the contract: the mark rises, a gap is refused, the first writer of a number wins."""
    centre, agent, epoch = driven.centre, driven.agent, next(_epochs)
    mark: int | None = None
    stored: dict[int, bytes] = {}
    letters = 0
    for first_seq, goods in wishes:
        lines = [line_of(seq, is_good) for seq, is_good in enumerate(goods, first_seq)]
        answer = await centre.upload(agent, lines, first_seq=first_seq, epoch=epoch)
        if goods and mark is not None and first_seq > mark + 1:
            assert (answer.status_code, answer.json()["expected"]) == (409, mark + 1)
            continue
        assert answer.status_code == 200
        if goods:
            before = first_seq - 1 if mark is None else mark
            mark = max(before, first_seq + len(goods) - 1)
            for seq, line in enumerate(lines, first_seq):
                if seq > before and goods[seq - first_seq]:
                    stored[seq] = line
                elif seq > before:
                    letters += 1
        assert answer.json()["acked_through"] == (-1 if mark is None else mark)
        told = answer.json()
        assert told["accepted"] + told["duplicates"] + told["dead_lettered"] == len(goods)
    found: dict[int, bytes] = {}
    for batch in await centre.logged():
        if batch.envelope.epoch == epoch:
            for seq, line in enumerate(batch.lines(), batch.envelope.first_seq):
                assert seq not in found
                found[seq] = line
    assert found == stored
    kept = [letter for letter in await centre.letters() if f".{epoch}." in letter.source]
    assert len(kept) == letters


def test_malformed_bodies_by_the_hundred_are_refused_and_never_break_the_centre(driven: Driven) -> None:
    """Byte flips, cuts, splices and noise, plain and compressed; each is answered, and a good batch still goes in."""
    driven.runner.run(_fuzz(driven, random.Random(20261122)))


async def _fuzz(driven: Driven, chance: random.Random) -> None:
    centre, agent = driven.centre, driven.agent
    seen = set()
    for _ in range(400):
        plain = body(agent, [event(n) for n in range(3)], epoch=next(_epochs))
        compressed = chance.random() < 0.5
        sent = _broken(zstandard.compress(plain) if compressed else plain, chance)
        headers = {**agent.headers, **({"Content-Encoding": "zstd"} if compressed else {})}
        answer = await centre.client.post("/v1/batches", content=sent, headers=headers)
        assert answer.status_code in (200, 400, 403, 413), (answer.text, sent)
        assert answer.status_code == 200 or answer.json().keys() >= {"error", "code"}
        seen.add(answer.status_code)
    assert seen >= {200, 400}
    assert (await centre.upload(agent, [event()], epoch=next(_epochs))).status_code == 200


def _broken(raw: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(raw))
    match chance.randrange(5):
        case 0:
            return raw[:at]
        case 1:
            return raw[:at] + bytes([raw[at] ^ (1 << chance.randrange(8))]) + raw[at + 1 :]
        case 2:
            return raw[:at] + chance.randbytes(chance.randrange(1, 20)) + raw[at:]
        case 3:
            return raw[at:] + raw[:at]
        case _:
            return chance.randbytes(chance.randrange(200))
