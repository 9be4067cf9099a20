"""`jikimi replay`: real telemetry through the same ingest as an enrolled device's."""

import asyncio
import platform
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from collectors.files import Problems, check_file
from collectors.identity import Identity, enrol
from collectors.replay import FileBatches
from collectors.uplink import Backoff, Uplink
from jikimi.cli.local_centre import LocalCentre
from jikimi.domain.logsource import LogSource
from jikimi.errors import JikimiError, Misconfigured
from jikimi.settings import default_data_dir

INTERRUPTED = 130
_PATIENCE = Backoff(first=0.25, longest=3.0)
_MOST_RETRIES = 60  # about two and a half minutes: a centre that restarts is waited for


def replay(
    files: Annotated[list[Path], typer.Argument(help=".evtx, JSON lines or arrays, .pcap, also in .zip and .gz")],
    data: Annotated[Path | None, typer.Option(help="Data folder of the centre on this machine.")] = None,
    url: Annotated[str | None, typer.Option(help="Address of another centre; needs --token.")] = None,
    token: Annotated[str | None, typer.Option(help="Enrolment token of that centre.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Client company; may be left out when there is one.")] = None,
    device: Annotated[str | None, typer.Option(help="Name of the replaying device. Default: HOST-replay.")] = None,
    speed: Annotated[float | None, typer.Option(help="N times real time by event time. Default: at once.")] = None,
    logsource: Annotated[
        str | None, typer.Option(help="product=…,category=…,service=… of every event, when the file does not say.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Also until the detectors have seen everything.")] = False,
) -> None:
    """Feed FILES to the centre as an enrolled device: at full speed, or --speed N times real time.

    Replaying a file again is new telemetry: its events count again. Exit 0 when everything was acknowledged, 2 for
    wrong input, 1 when the centre cannot be reached or refuses, 130 after Ctrl-C.
    """
    try:
        plan = _Plan(files, data, url, token, tenant, device, speed, _logsource(logsource), wait)
        plan.check()
        code = asyncio.run(_run(plan))
    except Misconfigured as error:
        print(f"jikimi replay: {error}", file=sys.stderr)
        code = 2
    except JikimiError as error:
        print(f"jikimi replay: {error}", file=sys.stderr)
        code = 1
    raise typer.Exit(code)


@dataclass(frozen=True, slots=True)
class _Plan:
    files: list[Path]
    data: Path | None
    url: str | None
    token: str | None
    tenant: str | None
    device: str | None
    speed: float | None
    logsource: LogSource | None
    wait: bool

    def check(self) -> None:
        """Raises Misconfigured before anything is asked of the centre."""
        if (self.url is None) != (self.token is None):
            raise Misconfigured("--url and --token go together")
        if self.url is not None and (self.data is not None or self.tenant is not None):
            raise Misconfigured("--url takes the company from its token: leave out --data and --tenant")
        if self.url is not None and self.wait:
            raise Misconfigured("--wait asks the centre on this machine: leave out --url, or --wait")
        if self.speed is not None and not 0 < self.speed < float("inf"):
            raise Misconfigured("--speed must be a number above 0")
        for path in self.files:
            check_file(path)

    @property
    def device_name(self) -> str:
        return self.device or f"{socket.gethostname()}-replay"

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files)


def _logsource(text: str | None) -> LogSource | None:
    if text is None:
        return None
    parts = dict(part.partition("=")[::2] for part in text.split(","))
    if not parts.keys() <= {"product", "category", "service"} or not all(parts.values()):
        raise Misconfigured(f"--logsource {text}: write it as product=windows,service=security")
    return LogSource(**parts)


async def _run(plan: _Plan) -> int:
    limits = httpx.Limits(max_connections=2)
    async with httpx.AsyncClient(timeout=httpx.Timeout(30, connect=5), limits=limits, trust_env=False) as client:
        centre = None if plan.url else LocalCentre(client, plan.data or default_data_dir())
        identity = await _enrol(plan, client, centre)
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
            task = bar.add_task(f"{identity.device}", total=plan.bytes, rate=0)
            batches = FileBatches(
                plan.files,
                agent_id=identity.agent_id,
                device=identity.device,
                problems=problems,
                logsource=plan.logsource,
                speed=plan.speed,
                progress=lambda taken: bar.advance(task, taken),
            )
            uplink = Uplink(client, identity, batches, backoff=_PATIENCE, most_retries=_MOST_RETRIES)
            began = time.monotonic()
            watch = asyncio.create_task(_watch(bar, task, batches, uplink, identity))
            try:
                outcome = await _until_stopped(_deliver(uplink, centre if plan.wait else None))
            finally:
                watch.cancel()
                await batches.close()
        print(_summary(uplink, batches, problems, time.monotonic() - began, stopped=outcome is None))
        for note in problems.notes[:10]:
            print(f"  {note}", file=sys.stderr)
        if (hidden := len(problems.notes[10:]) + problems.untold) > 0:
            print(f"  and {hidden} more", file=sys.stderr)
        if isinstance(outcome, JikimiError):
            raise outcome
        return 0 if outcome is not None else INTERRUPTED


async def _enrol(plan: _Plan, client: httpx.AsyncClient, centre: LocalCentre | None) -> Identity:
    if centre is not None:
        url, token = centre.url, (await centre.enrolment_token(plan.tenant))[0]
    else:
        url, token = str(plan.url), str(plan.token)
    system = f"{platform.system()} {platform.release()}"[:64]
    return await enrol(client, url, token=token, device=plan.device_name, operating_system=system, kind="replay")


async def _deliver(uplink: Uplink, centre: LocalCentre | None) -> JikimiError | bool:
    """True when all is acknowledged (and, with `centre`, detected); else why not."""
    try:
        await uplink.drain()
        while centre is not None and _lag(await centre.status()) > 0:  # noqa: ASYNC110 - another process's progress
            await asyncio.sleep(0.5)
    except JikimiError as error:
        return error
    return True


def _lag(status: dict[str, Any]) -> int:
    """Records the detectors have not read; also where the number is kept a partition."""
    lag = status.get("lag", {}).get("detectors", 0)
    return sum(lag.values()) if isinstance(lag, dict) else int(lag)


async def _until_stopped(work: Any) -> JikimiError | bool | None:
    """The outcome of `work`; None when SIGINT or SIGTERM came first."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        outcome: JikimiError | bool = await task
        return outcome
    except asyncio.CancelledError:
        return None
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


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


def _summary(uplink: Uplink, batches: FileBatches, problems: Problems, seconds: float, *, stopped: bool) -> str:
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
    return f"stopped: {line} (everything counted here is with the centre)" if stopped else line
