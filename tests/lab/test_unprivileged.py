"""The whole agent with every capability taken away: it runs, says what it cannot see, still sees."""

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collectors.centre import Centre, serving
from tests.collectors.test_agent import enrol, stored, until, watching

BARE = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")


@contextlib.contextmanager
def ended(process: "subprocess.Popen[str]") -> Iterator[None]:
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()


def test_without_any_capability_the_agent_works_and_says_so(tmp_path: Path) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv here")
    state, documents = tmp_path / "state", tmp_path / "documents"
    documents.mkdir()
    with serving(Centre()) as centre:
        assert enrol(centre, state, documents).exit_code == 0
        command = [*BARE, sys.executable, "-m", "jikimi", "agent", "run", "--state", str(state)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process, ended(process):
            until(lambda: watching(state))
            (documents / "a").write_text("1")
            with socket.create_server(("127.0.0.1", 0)) as server:
                port = server.getsockname()[1]
                with socket.create_connection(("127.0.0.1", port)):
                    time.sleep(1.2)  # two looks at the sockets
            until(lambda: stored(centre, Action="create", TargetFilename=str(documents / "a")))
            until(lambda: stored(centre, DestinationPort=port, Protocol="tcp", Initiated="true"))
            told = json.loads((state / "status.json").read_bytes())["health"]["sources"]
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            assert process.stderr is not None
            assert process.stderr.read() == ""
    ways = {
        "processes": ("degraded", "/proc"),
        "files": ("degraded", "inotify"),
        "media": ("running", "uevents and mountinfo"),
        "flows": ("degraded", "sock_diag"),
        "names": ("degraded", "none"),
    }
    assert {name: (told[name]["state"], told[name]["mode"]) for name in ways} == ways
    said = {event["Collector"] for event in stored(centre, Kind="degraded")}
    assert said >= {name for name, (state_, _) in ways.items() if state_ == "degraded"}
    assert all("User" not in event for event in stored(centre, Action="create"))
