"""`jikimi up` as a process, and telemetry whose findings are known."""

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from types import TracebackType
from typing import Any

EVENTS = 6000
EVERY = 40  # one event in so many is a finding
HOSTS = 5
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

    def __init__(self, data: Path, environment: dict[str, str], *options: str) -> None:
        self.data = data
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._environment = os.environ | environment
        self._options = options
        self._process: Process | None = None

    async def __aenter__(self) -> "RunningCentre":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """A test that failed leaves no process behind."""
        if self._process is not None and self._process.returncode is None:
            await self.end(signal.SIGKILL)

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
            *self._options, env=self._environment, stdout=PIPE,
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
