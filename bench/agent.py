"""What the agent costs and whether it sees everything, under a fixed load. Behind `jikimi bench agent`.

The real agent runs in a network namespace of its own, plays against a peer in another and uploads to a sink that only
takes. What it told is held against `tshark -z conv` on a capture of the peer's end of the cable.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.conversations import Conversation, Ends, conversations
from bench.namespaces import Cable, cable
from collectors import identity, settings
from collectors.identity import Identity
from collectors.settings import AgentSettings, StateDir
from jikimi.errors import Misconfigured, Transient

SINK_PORT = 8099
IDLE_SECONDS = 10.0
LAST_FLOWS = 20.0
"""Seconds after the load until the kernel has given up the last UDP flow (5 s in the trial's namespace, looked at
now and then) and the agent has sent it."""
_READY_WITHIN = 20.0
_TICKS = os.sysconf("SC_CLK_TCK")

Tell = Callable[[str], None]


def measure(seconds: float, rate: int, tell: Tell) -> dict[str, Any]:
    """The figures by name: CPU in percent of one core, memory in MB, counts by source.

    Raises Misconfigured without root or tshark, Transient when the agent did not start.
    """
    _check()
    with tempfile.TemporaryDirectory(prefix="jikimi-bench-") as scratch, cable() as joined:
        return _Trial(Path(scratch), joined, tell).run(seconds, rate)


def _check() -> None:
    if os.geteuid() != 0:
        raise Misconfigured("the agent bench makes network namespaces and watches the kernel: run it as root")
    for tool, package in (("tshark", "tshark"), ("tcpdump", "tcpdump"), ("ip", "iproute2"), ("nsenter", "util-linux")):
        if shutil.which(tool) is None:
            raise Misconfigured(f"{tool} is not installed, and the agent bench needs it: apt install {package}")


class _Trial:
    """One run in a folder of its own."""

    def __init__(self, scratch: Path, joined: Cable, tell: Tell) -> None:
        self._scratch = scratch
        self._joined = joined
        self._tell = tell
        self._state = StateDir(scratch / "state")
        self._documents = scratch / "documents"
        self._capture = scratch / "truth.pcap"

    def run(self, seconds: float, rate: int) -> dict[str, Any]:
        self._enrol()
        with ExitStack() as started:
            sink = started.enter_context(self._python(self._joined.watched, "bench.sink", str(SINK_PORT)))
            server = started.enter_context(self._python(self._joined.peer, "bench.load", "serve"))
            capture = started.enter_context(self._tcpdump())
            agent = started.enter_context(self._agent())
            self._tell(f"the agent is up, {IDLE_SECONDS:.0f} s without load …")
            idle = _Use(agent.pid)
            time.sleep(IDLE_SECONDS)
            idle_told = idle.told()
            self._tell(f"{rate} flows/s for {seconds:.0f} s …")
            loaded = _Use(agent.pid)
            done = self._play(seconds, rate)
            loaded_told, by_thread, beside = loaded.told(), loaded.by_thread(), helpers(agent.pid)
            self._tell("waiting for the last flows …")
            time.sleep(LAST_FLOWS)
            _end(agent, signal.SIGTERM)
            _end(capture, signal.SIGINT)
            server.communicate(timeout=_READY_WITHIN)
            out, _ = sink.communicate(timeout=60)
        self._tell("reading the capture with tshark …")
        events = [json.loads(line) for line in out.splitlines()]
        status = json.loads(self._state.status.read_bytes())
        return {
            "seconds": seconds,
            "flows_per_second": rate,
            "cpu_percent": loaded_told["cpu_percent"],
            "cpu_percent_by": by_thread,
            "cpu_percent_idle": idle_told["cpu_percent"],
            "rss_mb": loaded_told["rss_mb"],
            "rss_mb_idle": idle_told["rss_mb"],
            "rss_mb_peak": loaded_told["rss_mb_peak"],
            "helpers": beside,
            "load": done,
            "program_starts_per_second": round(_starts(events) / (seconds + IDLE_SECONDS + LAST_FLOWS), 1),
            "sources": {
                name: {key: told[key] for key in ("mode", "seen", "sent", "dropped")}
                for name, told in status["health"]["sources"].items()
            },
            "taken_by_the_sink": dict(Counter(event["category"] for event in events)),
            "gaps": dict(Counter(event["Reason"] for event in events if event.get("Kind") == "gap")),
            "truth": compare(conversations(self._capture), events),
        }

    def _enrol(self) -> None:
        self._documents.mkdir()
        self._state.prepare()
        url = f"http://127.0.0.1:{SINK_PORT}"
        identity.save(Identity(url, "bench", "bench", "bench", "bench", "secret"), self._state.credential)
        settings.save(AgentSettings(protect=(str(self._documents.resolve()),)), self._state.settings)

    @contextmanager
    def _python(self, where: str, module: str, *words: str) -> Iterator["subprocess.Popen[str]"]:
        """A module in a namespace, once it said that it is ready."""
        command = self._joined.inside(where, sys.executable, "-m", module, *words)
        with _running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            if process.stdout is None or process.stdout.readline().strip() != "ready":
                raise Transient(f"{module} did not start")
            yield process

    @contextmanager
    def _tcpdump(self) -> Iterator["subprocess.Popen[str]"]:
        command = ["tcpdump", "-i", self._joined.far_link, "-n", "-s", "128", "-B", "16384", "-U", "-Z", "root"]
        full = self._joined.inside(self._joined.peer, *command, "-w", str(self._capture))
        with _running(full, stderr=subprocess.PIPE) as process:
            said = iter(process.stderr or ())
            if not any("listening on" in line for line in said):
                raise Transient("tcpdump did not start")
            yield process

    @contextmanager
    def _agent(self) -> Iterator["subprocess.Popen[str]"]:
        command = [sys.executable, "-P", "-m", "collectors", "--state", str(self._state.root)]
        with _running(self._joined.inside(self._joined.watched, *command)) as process:
            deadline = time.monotonic() + _READY_WITHIN
            while not self._watches():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise Transient("the agent did not start; try `jikimi agent run -v`")
                time.sleep(0.1)
            yield process

    def _watches(self) -> bool:
        if not self._state.status.exists():
            return False
        sources = json.loads(self._state.status.read_bytes())["health"]["sources"]
        return all(told["state"] != "starting" for told in sources.values())

    def _play(self, seconds: float, rate: int) -> dict[str, int]:
        words = (sys.executable, "-m", "bench.load", "play", str(seconds), str(rate), str(self._documents))
        command = self._joined.inside(self._joined.watched, *words)
        ran = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds * 3 + 60)
        told: dict[str, int] = json.loads(ran.stdout)
        return told


class _Use:
    """What a process used since this was made."""

    def __init__(self, pid: int) -> None:
        self._proc = Path("/proc", str(pid))
        self._since = time.monotonic()
        self._cpu = self._ticks()
        self._threads = self._thread_ticks()

    def told(self) -> dict[str, float]:
        percent = 100 * (self._ticks() - self._cpu) / _TICKS / (time.monotonic() - self._since)
        memory = dict(line.split(":", 1) for line in self._proc.joinpath("status").read_text().splitlines())
        rss, peak = (round(int(memory[name].split()[0]) / 1024, 1) for name in ("VmRSS", "VmHWM"))
        return {"cpu_percent": round(percent, 2), "rss_mb": rss, "rss_mb_peak": peak}

    def by_thread(self) -> dict[str, float]:
        """Percent by source; the rest carries, spools and sends."""
        span = time.monotonic() - self._since
        used: Counter[str] = Counter()
        for (number, name), ticks in self._thread_ticks().items():
            used[name] += ticks - self._threads.get((number, name), 0)
        return {name: round(100 * ticks / _TICKS / span, 2) for name, ticks in used.most_common() if ticks}

    def _ticks(self) -> int:
        return _ticks_in(self._proc)

    def _thread_ticks(self) -> dict[tuple[str, str], int]:
        found = {}
        for thread in self._proc.joinpath("task").iterdir():
            with suppress(OSError):
                found[thread.name, thread.joinpath("comm").read_text().strip()] = _ticks_in(thread)
        return found


def helpers(pid: int) -> dict[str, dict[str, float]]:
    """The processes that the agent has started and that run now, by module: seconds of processor time so far, MB
    resident. They end after a minute without work and are in no other figure."""
    found = {}
    for task in Path("/proc", str(pid), "task").iterdir():
        with suppress(OSError):
            for child in task.joinpath("children").read_text().split():
                folder = Path("/proc", child)
                words = folder.joinpath("cmdline").read_bytes().split(b"\0")
                name = words[words.index(b"-m") + 1] if b"-m" in words else words[0].rpartition(b"/")[2]
                resident = int(folder.joinpath("statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
                used = {"cpu_seconds": _ticks_in(folder) / _TICKS, "rss_mb": round(resident / (1 << 20), 1)}
                found[name.decode()] = used
    return found


def _starts(events: list[dict[str, Any]]) -> int:
    """Of the whole machine: the kernel records them for all, and each costs."""
    return sum(event["category"] == "process_creation" for event in events)


def _ticks_in(folder: Path) -> int:
    fields = folder.joinpath("stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def compare(truth: dict[Ends, Conversation], events: list[dict[str, Any]]) -> dict[str, int]:
    """Flows told against conversations captured. `exact` = same packets and IP bytes, summed over the flows of a
    conversation (tshark takes a port that is used again for the same one). Flows told as still open and those of other
    places (the upload) do not count."""
    told: dict[Ends, Conversation] = {}
    flows = owned = 0
    for event in events:
        if event["category"] != "network_flow" or event.get("EndReason") == "open" or "SourcePort" not in event:
            continue
        ends = frozenset({(event["SourceIp"], event["SourcePort"]), (event["DestinationIp"], event["DestinationPort"])})
        key = (event["Protocol"], ends)
        if key in truth:
            flows += 1
            owned += "Image" in event
            packets, size = told.get(key, (0, 0))
            packets += event["PacketsOut"] + event["PacketsIn"]
            told[key] = Conversation(packets, size + event["BytesOut"] + event["BytesIn"])
    return {
        "conversations": len(truth),
        "flows_told": flows,
        "missed": len(truth.keys() - told.keys()),
        "exact": sum(told.get(ends) == real for ends, real in truth.items()),
        "with_program": owned,
        "packets": sum(real.packets for real in truth.values()),
        "ip_bytes": sum(real.bytes for real in truth.values()),
    }


@contextmanager
def _running(command: list[str], **how: Any) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(command, text=True, **how)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _end(process: "subprocess.Popen[str]", number: signal.Signals) -> None:
    process.send_signal(number)
    process.wait(timeout=_READY_WITHIN)
