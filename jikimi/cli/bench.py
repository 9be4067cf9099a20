"""`jikimi bench`: figures anyone can repeat."""

import asyncio
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jikimi.cli.errors import for_people
from jikimi.cli.options import RulesOption, rule_folders
from jikimi.clock import utc_now
from jikimi.errors import Misconfigured
from jikimi.settings import DataDir

if TYPE_CHECKING:
    from jikimi.cli.centre import Centre

app = typer.Typer(no_args_is_help=True, help="Measure this machine with your own files.")


@app.callback()
def bench() -> None:
    """Keeps `pipeline` a sub-command, for others to join it."""


@app.command("pipeline")
@for_people
def pipeline(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Telemetry in any format of `jikimi replay`.")],
    rules: RulesOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Events/s through a whole centre (accept, detect, archive), and how long an incident takes to appear.

    A fresh centre runs in a temporary folder; the files go through HTTP ingest from a second process, as an agent's
    would. CPU and memory are those of the centre's process alone.

    Examples:

        jikimi bench pipeline telemetry.zip

        jikimi bench pipeline --json --rules ./sigma/rules *.evtx
    """
    from jikimi.cli.logs import set_up_logs

    set_up_logs(verbose=False)
    for file in files:
        if not file.is_file():
            raise Misconfigured(f"{file}: there is no such file")
    with tempfile.TemporaryDirectory(prefix="jikimi-bench-") as folder:
        result = asyncio.run(_measure(DataDir(Path(folder)), rule_folders(rules), files))
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
        return
    for name, value in result.items():
        typer.echo(f"{name:32} {'-' if value is None else value}")


async def _measure(data: DataDir, rules: list[Path], files: list[Path]) -> dict[str, Any]:
    from jikimi.cli.admin_client import AdminClient
    from jikimi.cli.centre import CentreOptions, running_centre
    from jikimi.storage.status import read_status

    async with running_centre(
        CentreOptions(data, rules, port=0, tell=lambda line: typer.echo(line, err=True))
    ) as centre:
        await asyncio.to_thread(AdminClient(data.root).post, "tenants", {"name": "bench"})
        before = resource.getrusage(resource.RUSAGE_SELF)
        began = time.monotonic()
        replay = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "jikimi",
            "replay",
            "--data",
            str(data.root),
            *map(str, files),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await replay.communicate()
        accepted_after = time.monotonic() - began
        if replay.returncode != 0:
            raise Misconfigured(f"the replay failed: {said.decode(errors='replace').strip()}")
        waits: dict[str, float] = {}
        while len(waits) < 2:
            state = await read_status(centre.database, centre.event_log, centre.store, utc_now())
            for group in ("detector", "archive"):
                if state["lag"][group] == 0:
                    waits.setdefault(group, time.monotonic() - began)
            await asyncio.sleep(0.02)
        used = resource.getrusage(resource.RUSAGE_SELF)
        delays = await _delays(centre)
        cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    events = state["events_accepted"]
    slowest = max(accepted_after, *waits.values())
    p50, p99 = (quantiles(delays, n=100)[49], quantiles(delays, n=100)[98]) if len(delays) > 1 else (None, None)
    return {
        "events": events,
        "events_per_second": round(events / slowest, 1),
        "accept_events_per_second": round(events / accepted_after, 1),
        "detect_events_per_second": round(events / waits["detector"], 1),
        "archive_events_per_second": round(events / waits["archive"], 1),
        "findings": state["findings"],
        "accept_to_incident_p50_ms": p50 and round(p50 * 1000, 1),
        "accept_to_incident_p99_ms": p99 and round(p99 * 1000, 1),
        "cpu_seconds": round(cpu, 2),
        "cpu_cores": round(cpu / slowest, 2),
        "peak_memory_mb": round(used.ru_maxrss / 1024, 1),
    }


async def _delays(centre: "Centre") -> list[float]:
    """Seconds from ingest's receipt of a finding's event to the commit of its finding and incident."""
    from sqlalchemy import select

    from jikimi.domain.scope import TenantScope
    from jikimi.storage.schema import findings

    async with centre.database.read() as connection:
        rows = list(await connection.execute(select(findings.c.event_ids, findings.c.created_at).limit(20_000)))
    committed = {row.event_ids[-1]: row.created_at for row in rows if row.event_ids}
    stored = await centre.store.get(TenantScope.every_tenant(), list(committed))
    return [(committed[one.event_id] - one.received_at).total_seconds() for one in stored]
