"""A real server process on a loopback port of its own, started and ended by pid."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

SERVER = Path(__file__).with_name("ingest_server.py")
ROOT = SERVER.parents[2]
START_SECONDS = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Served:
    """`process` may be killed by the test; leaving the context ends it anyway."""

    def __init__(self, data: Path, port: int) -> None:
        self.data = data
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        self._output = (data.parent / f"server-{port}.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, str(SERVER), str(data), str(port)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=self._output,
            stderr=self._output,
        )

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.address}/healthz", trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        raise AssertionError(f"the server did not start: {Path(self._output.name).read_text()[-2000:]}")

    def end(self, with_signal: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        self.process.wait(30)
        self._output.close()


@contextmanager
def served(data: Path) -> Iterator[Served]:
    server = Served(data, free_port())
    try:
        server.wait_until_up()
        yield server
    finally:
        server.end()
