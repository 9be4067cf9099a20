"""Events/s through a whole centre, and how long an incident takes to appear. Behind `jikimi bench pipeline`."""

import asyncio
import resource
import sys
import time
from pathlib import Path
from statistics import quantiles
from typing import Any

import typer
from sqlalchemy import select

from jikimi.cli.admin_client import AdminClient
from jikimi.cli.centre import Centre, CentreOptions, running_centre
from jikimi.clock import utc_now
from jikimi.domain.scope import TenantScope
from jikimi.errors import Misconfigured
from jikimi.settings import DataDir
from jikimi.storage.schema import findings
from jikimi.storage.status import read_status


async def measure(data: DataDir, rules: list[Path], files: list[Path]) -> dict[str, Any]:
    """The figures by name; rates in events/s, delays in milliseconds, CPU and memory of this process."""
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


async def _delays(centre: Centre) -> list[float]:
    """Seconds from ingest's receipt of a finding's event to the commit of its finding and incident."""
    async with centre.database.read() as connection:
        rows = list(await connection.execute(select(findings.c.event_ids, findings.c.created_at).limit(20_000)))
    committed = {row.event_ids[-1]: row.created_at for row in rows if row.event_ids}
    stored = await centre.store.get(TenantScope.every_tenant(), list(committed))
    return [(committed[one.event_id] - one.received_at).total_seconds() for one in stored]
