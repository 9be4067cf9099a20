"""kill -9 of the whole centre while events flow: every acknowledged event stored once, every finding and mail once."""

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from alerting.sandbox import SandboxProviders
from jikimi.domain.scope import TenantScope
from jikimi.settings import DataDir
from jikimi.storage.database import Database
from jikimi.storage.events import EventStore
from jikimi.storage.schema import findings, incidents, notifications

EVENTS = 6000
EVERY = 40  # one event in so many is a finding
HOSTS = 5
KILLS = 3
SCRIPT = "VwByAGkAdABlAC0ASABvAHMAdAAgACcAZQB4AGEAbQBwAGwAZQAnADsAIABXAHIAaQB0AGUALQBIAG8AcwB0ACAAMQA="


def telemetry(path: Path) -> Path:
    """Process creations of HOSTS computers, each with its own user."""
    lines = []
    for n in range(EVENTS):
        hidden = n % EVERY == 0
        host = (n // EVERY) % HOSTS
        event = {
            "@timestamp": f"2026-11-23T03:{n // 600:02}:{n // 10 % 60:02}.{n % 10}00000Z",
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "EventID": 1,
            "Computer": f"PC-{host}",
            "User": f"EXAMPLE\\user{host}",
            "Image": "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe",
            "CommandLine": f"powershell.exe -enc {SCRIPT}" if hidden else f"powershell.exe -File C:\\work\\{n}.ps1",
            "Note": "x" * 600,
        }
        lines.append(json.dumps(event))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


class RunningCentre:
    """`jikimi up` as a process that can be killed and started again on the same folder and port."""

    def __init__(self, data: Path, environment: dict[str, str]) -> None:
        self.data = data
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._environment = os.environ | environment
        self._process: Process | None = None

    async def command(self, *words: str) -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "jikimi", *words, "--data", str(self.data), stdout=PIPE, stderr=PIPE
        )
        told, complaint = await process.communicate()
        assert process.returncode == 0, complaint.decode()
        return told.decode()

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "jikimi", "up", "--data", str(self.data), "--port", str(self.port),
            env=self._environment, stdout=PIPE,
        )  # fmt: skip
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            while b"Ctrl-C" not in (line := await self._process.stdout.readline()):
                assert line, "the centre ended while starting"

    async def end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return await self._process.wait()

    async def status(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(await self.command("status", "--json"))
        return told

    async def accepted_beyond(self, accepted: int, replay: asyncio.Task[str]) -> int:
        """Waits until events flow again, or the replay is done."""
        async with asyncio.timeout(90):
            while (now := int((await self.status())["events_accepted"])) <= accepted and not replay.done():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
        return now

    async def settled(self) -> dict[str, Any]:
        """The counters once nothing is left to read or to send."""
        async with asyncio.timeout(90):
            while True:
                state = await self.status()
                waiting = state["notifications"]["pending"] + state["notifications"]["sending"]
                if not any(state["lag"].values()) and not waiting:
                    return state
                await asyncio.sleep(0.5)


async def test_nothing_is_lost_and_nothing_doubled_when_the_centre_is_killed(tmp_path: Path) -> None:
    async with SandboxProviders.start(tmp_path / "sandbox") as sandbox:
        centre = RunningCentre(
            tmp_path / "centre",
            {
                "JIKIMI_SMTP_HOST": sandbox.smtp_host,
                "JIKIMI_SMTP_PORT": str(sandbox.smtp_port),
                "JIKIMI_SMTP_USER": "sandbox",
                "JIKIMI_SMTP_PASSWORD": sandbox.smtp_password,
                "JIKIMI_SMTP_FROM": "지킴이 <alerts@jikimi.example.com>",
                "JIKIMI_SMTP_CA_FILE": str(sandbox.ca_file),
            },
        )
        await centre.start()
        await centre.command("admin", "tenant", "add", "한빛정밀")
        await centre.command("admin", "contact", "add", "김하늘", "--email", "haneul.kim@example.com")
        replay = asyncio.create_task(centre.command("replay", str(telemetry(tmp_path / "events.ndjson"))))
        accepted = 0
        for _ in range(KILLS):
            accepted = await centre.accepted_beyond(accepted, replay)
            await centre.end(signal.SIGKILL)
            await centre.start()
        await replay
        state = await centre.settled()
        assert state["events_accepted"] == state["events_stored"] == EVENTS
        assert state["findings"] == EVENTS // EVERY
        assert await centre.end(signal.SIGTERM) == 0
        await _nothing_twice(DataDir(tmp_path / "centre"), sandbox)


async def _nothing_twice(data: DataDir, sandbox: SandboxProviders) -> None:
    store = await EventStore.open(data.events)
    assert await store.count(TenantScope.every_tenant()) == EVENTS
    await store.close()
    async with Database.sqlite(data.database) as database, database.read() as connection:
        counted = select(func.sum(incidents.c.finding_count), func.sum(incidents.c.event_count))
        assert tuple((await connection.execute(counted)).one()) == (EVENTS // EVERY,) * 2
        distinct = select(func.count(), func.count(findings.c.event_ids.distinct()))
        assert tuple((await connection.execute(distinct)).one()) == (EVENTS // EVERY,) * 2
        sent = select(func.count()).where(notifications.c.state.in_(("accepted", "delivered")))
        mails = (await connection.execute(sent)).scalar_one()
    assert len(sandbox.smtp.mails) == mails > 0
    assert set(sandbox.smtp.copies.values()) <= {1, 2}  # sent again under its own Message-ID: the receiver keeps one
