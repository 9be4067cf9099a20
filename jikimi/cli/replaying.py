"""The work of `jikimi replay`: join as a device, send the files, show how far it is, tell what became of them."""

import asyncio
import platform
import socket
import sys
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from collectors.files import Problems, check_file
from collectors.http import Client
from collectors.identity import Identity, enrol
from collectors.replay import FileBatches
from collectors.uplink import Backoff, Uplink
from jikimi.cli.admin_client import AdminClient
from jikimi.cli.printed import say_some
from jikimi.cli.signals import stop_on_signals
from jikimi.domain.logsource import LogSource
from jikimi.errors import Misconfigured
from jikimi.settings import DataDir

INTERRUPTED = 130
_ANSWER_WITHIN = 30.0
_PATIENCE = Backoff(first=0.25, longest=3.0)
_MOST_RETRIES = 60  # about two and a half minutes: a centre that restarts is waited for


@dataclass(frozen=True, slots=True)
class Replay:
    """What `jikimi replay` was asked for; `url` and `token` name another centre than the one on `data`."""

    files: list[Path]
    data: DataDir
    url: str | None
    token: str | None
    tenant: str | None
    device: str | None
    speed: float | None
    logsource: LogSource | None
    wait: bool

    def check(self, *, data_named: bool) -> None:
        """Raises Misconfigured before anything is asked of the centre."""
        if (self.url is None) != (self.token is None):
            raise Misconfigured("--url and --token go together")
        if self.url is not None and (data_named or self.tenant is not None):
            raise Misconfigured("--url takes the company from its token: leave out --data and --tenant")
        if self.url is not None and self.wait:
            raise Misconfigured("--wait asks the centre on this machine: leave out --url, or --wait")
        if self.speed is not None and not 0 < self.speed < float("inf"):
            raise Misconfigured("--speed must be a number above 0")
        for path in self.files:
            check_file(path, self.logsource)

    @property
    def device_name(self) -> str:
        return self.device or f"{socket.gethostname()}-replay"

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files)


async def deliver(replay: Replay) -> int:
    """Enrol, send everything, tell what became of it; the exit code. Raises JikimiError as the uplink does."""
    async with Client(_ANSWER_WITHIN) as client:
        centre = None if replay.url else AdminClient(replay.data.root)
        identity = await _enrol(replay, client, centre)
        problems = Problems()
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TextColumn("{task.fields[rate]} events/s"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        ) as bar:
            task = bar.add_task(f"{identity.device}", total=replay.bytes, rate=0)
            batches = FileBatches(
                replay.files,
                agent_id=identity.agent_id,
                device=identity.device,
                problems=problems,
                logsource=replay.logsource,
                speed=replay.speed,
                progress=lambda taken: bar.advance(task, taken),
            )
            uplink = Uplink(client, identity, batches, backoff=_PATIENCE, most_retries=_MOST_RETRIES)
            began = time.monotonic()
            watch = asyncio.create_task(_watch(bar, task, batches, uplink, identity))
            finished = False
            try:
                finished = await _until_stopped(_until_seen(uplink, centre if replay.wait else None))
            finally:
                watch.cancel()
                await batches.close()
                bar.stop()
                print(_summary(uplink, batches, problems, time.monotonic() - began, finished=finished), flush=True)
                say_some(problems.notes, problems.untold)
        for failure in batches.failures:
            print(f"jikimi: {failure}", file=sys.stderr)
        if not finished:
            return INTERRUPTED
        return 2 if batches.failures else 0


async def _enrol(replay: Replay, client: Client, centre: AdminClient | None) -> Identity:
    url, token = str(replay.url), str(replay.token)
    if centre is not None:
        wish = {"tenant": replay.tenant, "uses": 1, "minutes": 10}
        url, token = centre.address, str(centre.post("enrolment-tokens", wish)["token"])
    system = f"{platform.system()} {platform.release()}"[:64]
    return await enrol(client, url, token=token, device=replay.device_name, operating_system=system, kind="replay")


async def _until_seen(uplink: Uplink, centre: AdminClient | None) -> None:
    """Until all is acknowledged and, with `centre`, detected."""
    await uplink.drain()
    while centre is not None and _lag(await asyncio.to_thread(centre.get, "status")) > 0:  # noqa: ASYNC110 - another process's progress
        await asyncio.sleep(0.5)


def _lag(status: dict[str, Any]) -> int:
    """Records the detectors have not read; also where the number is kept a partition."""
    lag = status.get("lag", {}).get("detector", 0)
    return sum(lag.values()) if isinstance(lag, dict) else int(lag)


async def _until_stopped(work: Coroutine[Any, Any, None]) -> bool:
    """True when `work` came to its end, False when Ctrl-C or SIGTERM came first. Raises what `work` raises."""
    stop = stop_on_signals()
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
        return working.done()
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)


async def _watch(bar: Progress, task: Any, batches: FileBatches, uplink: Uplink, identity: Identity) -> None:
    """Four times a second: acknowledged events a second, and why it stands still when it does."""
    before, retries = 0, 0
    while True:
        await asyncio.sleep(0.25)
        rate = (batches.acked_events - before) * 4
        before = batches.acked_events
        waiting = uplink.sent.retries > retries
        retries = uplink.sent.retries
        label = f"{identity.device}: waiting for the centre" if waiting else identity.device
        bar.update(task, rate=f"{rate:,}", description=label)


def _summary(uplink: Uplink, batches: FileBatches, problems: Problems, seconds: float, *, finished: bool) -> str:
    sent = uplink.sent
    words = [
        f"{batches.acked_events} events sent",
        f"{sent.accepted} accepted",
        f"{sent.duplicates} duplicates",
        f"{sent.dead_lettered + sent.rejected} dead-lettered",
        f"{problems.unreadable - sent.rejected} unreadable",
    ]
    if problems.damaged:
        words.append(f"{problems.damaged} damaged files")
    if problems.without_time:
        words.append(f"{problems.without_time} without a time of their own")
    if problems.unclassified:
        words.append(f"{problems.unclassified} of unknown log source")
    words.append(f"{seconds:.1f} s")
    line = ", ".join(words)
    return line if finished else f"stopped early; with the centre for good: {line}"
