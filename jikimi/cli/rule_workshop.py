"""The centre's rule workshop: one wish at a time, each in a child process with bounds (detectors.workshop.child)."""

import asyncio
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import msgspec

from api.rules.port import WorkshopWish
from detectors.workshop.child import Wish, frame
from jikimi.cli.options import our_rules
from jikimi.cli.rule_store import EARLIEST, LATEST, StoredPast, stored_past
from jikimi.errors import JikimiError, Transient
from jikimi.storage.database import Database
from jikimi.storage.events import EventStore

LONGEST_ANSWER = 64 << 20
"""Bytes of one line from the child."""
_STARTING = 60.0
"""Seconds that reading the rules may take besides what a wish allows for its own work."""


class RuleWorkshop:
    """Call it with a wish; see api.rules.port.Workshop. `places` tells where the rules lie that the centre runs."""

    def __init__(self, database: Database, store: EventStore, places: Callable[[], Sequence[Path]]) -> None:
        self._database = database
        self._store = store
        self._places = places
        self._busy = asyncio.Lock()

    async def __call__(self, wish: WorkshopWish) -> AsyncGenerator[dict[str, Any], None]:
        if self._busy.locked():
            raise Transient("the rule workshop serves one wish at a time, and is at work")
        async with self._busy:
            past = await self._past(wish) if wish.command == "backtest" else None
            with tempfile.TemporaryDirectory(prefix="jikimi-rules-") as folder:
                await asyncio.to_thread(_write, Path(folder), wish.files)
                asked = Wish(
                    command=wish.command,
                    paths=(".",) if wish.files else tuple(str(place.absolute()) for place in self._places()),
                    our_rules=str(our_rules()),
                    examples=wish.examples,
                    events=past.total if past else 0,
                )
                async with aclosing(_served(asked, past, folder, wish.seconds)) as told:
                    async for one in told:
                        yield one

    async def _past(self, wish: WorkshopWish) -> StoredPast:
        since, until = wish.since or EARLIEST, wish.until or LATEST
        return await stored_past(self._database, self._store, wish.tenant, since, until)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


async def _served(
    wish: Wish, past: StoredPast | None, folder: str, seconds: float
) -> AsyncGenerator[dict[str, Any], None]:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "detectors.workshop.child"),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        cwd=folder,
        limit=LONGEST_ANSWER,
    )
    feeding = asyncio.create_task(_feed(child, wish, past, seconds))
    ended = False
    try:
        async with asyncio.timeout(seconds + _STARTING):
            async for told in _lines(child):
                if ended := "progress" not in told:
                    told = _unfed(feeding) or told  # noqa: PLW2901 - what could not be read is no result
                yield told
        if not ended:
            yield {"error": "the rule workshop's process ended without an answer: it needed too much memory or time"}
    except TimeoutError:
        yield {"error": f"not done after {seconds + _STARTING:.0f} seconds; ask for fewer rules or less time"}
    finally:
        feeding.cancel()
        with suppress(ProcessLookupError):
            child.kill()
        await asyncio.gather(feeding, child.wait(), return_exceptions=True)


async def _lines(child: Process) -> AsyncIterator[dict[str, Any]]:
    assert child.stdout is not None  # noqa: S101 - asked for above
    while line := await child.stdout.readline():
        yield msgspec.json.decode(line, type=dict[str, Any])


async def _feed(child: Process, wish: Wish, past: StoredPast | None, seconds: float) -> None:
    """The wish, then events until there are no more or the time is up: the child then tells what it has."""
    assert child.stdin is not None  # noqa: S101 - asked for above
    try:
        with suppress(TimeoutError, ConnectionError):  # a child that is gone is told by whoever reads its answer
            child.stdin.write(msgspec.json.encode(wish) + b"\n")
            await child.stdin.drain()
            if past is not None:
                async with asyncio.timeout(seconds), aclosing(past.pages()) as pages:
                    async for tenant, page in pages:
                        child.stdin.write(frame(tenant, page))
                        await child.stdin.drain()
    finally:
        child.stdin.close()


def _unfed(feeding: "asyncio.Task[None]") -> dict[str, Any] | None:
    """Why the events could not be read, when they could not."""
    error = feeding.exception() if feeding.done() and not feeding.cancelled() else None
    if error is not None and not isinstance(error, JikimiError):
        raise error
    return {"error": str(error)} if error else None
