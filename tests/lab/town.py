"""A small town in network namespaces: a company's server, a monitoring centre and an attacker on one bridge.

The real centre, the real agent, a real nginx; nothing leaves the namespaces, and all of it is gone afterwards.
"""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import orjson

from collectors.settings import AgentSettings, LogSettings
from tests.lab.lab import do

COMPANY, CENTRE, ATTACKER = "192.0.2.10", "192.0.2.20", "192.0.2.66"
PORT = 8600
_PAGE = """<!doctype html><html lang="ko"><head><meta charset="utf-8"><title>대성테크</title></head>
<body><h1>대성테크</h1>
<p>대성테크는 정밀 금형과 사출 부품을 설계하고 만드는 회사입니다. 자동차와 전자 회사에 부품을 공급하고 있으며 품질을
가장 먼저 생각합니다. 공장은 창원에 있고 연구소는 수원에 있습니다. 견적은 전화나 메일로 문의하여 주십시오.</p></body>
</html>"""
_NGINX = """daemon off; user root; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 256; }}
http {{ access_log {folder}/access.log combined; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; default_type text/html;
server {{ listen {address}:80; root {folder}/site; }} }}"""


class Incident(NamedTuple):
    """`risk`: 1 low to 4 very high."""

    risk: int
    title: str


class Town:
    """`folder` holds everything; `documents` is the protected folder, `site` what nginx serves."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self.folder = folder
        self.documents = folder / "설계"
        self.site = folder / "web" / "site"
        self.data = folder / "centre"
        self.state = folder / "agent"
        self._names = {COMPANY: f"jkco{suffix}", CENTRE: f"jkce{suffix}", ATTACKER: f"jkat{suffix}"}
        self._switch = f"jksw{suffix}"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._agent: subprocess.Popen[bytes]

    def inside(self, address: str, *command: str | Path) -> list[str]:
        """The command as run on the computer of that address; /sys and tracefs stay as they are."""
        return ["nsenter", f"--net=/run/netns/{self._names[address]}", *map(str, command)]

    def run(self, address: str, *command: str | Path) -> str:
        return do(*self.inside(address, *command))

    def jikimi(self, address: str, *words: str | Path) -> str:
        return self.run(address, sys.executable, "-m", "jikimi", *words)

    def start(self, address: str, *command: str | Path) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{len(self._processes)}.log").open("wb")
        process = subprocess.Popen(self.inside(address, *command), stdout=log, stderr=subprocess.STDOUT)
        log.close()
        self._processes.append(process)
        return process

    def incidents(self) -> list[Incident]:
        with contextlib.closing(sqlite3.connect(f"file:{self.data}/centre.db?mode=ro", uri=True)) as database:
            return [Incident(*row) for row in database.execute("select risk, title_ko from incidents")]

    def findings(self) -> set[str]:
        """The sentences of all findings that stand in an incident."""
        told = "select f.title_ko from findings f join incidents i on i.id = f.incident_id"
        with contextlib.closing(sqlite3.connect(f"file:{self.data}/centre.db?mode=ro", uri=True)) as database:
            return {title for (title,) in database.execute(told)}

    def stored(self, **fields: str) -> list[dict[str, Any]]:
        """The events in the centre's log whose named fields contain these texts."""
        with contextlib.closing(sqlite3.connect(f"file:{self.data}/log/log.db?mode=ro", uri=True)) as log:
            lines = [line for (block,) in log.execute("select value from records") for line in block.splitlines()]
        events = [orjson.loads(line) for line in lines]
        return [event for event in events if all(text in str(event.get(name, "")) for name, text in fields.items())]

    def kill_agent(self) -> None:
        self._agent.send_signal(signal.SIGKILL)
        self._agent.wait()

    def stop_agent(self) -> None:
        self._agent.send_signal(signal.SIGTERM)
        self._agent.wait(30)

    def sent(self, address: str) -> int:
        """Bytes that left that computer's interface."""
        told = do("ip", "-n", self._names[address], "-s", "-j", "link", "show", "eth0")
        return int(msgspec.json.decode(told)[0]["stats64"]["tx"]["bytes"])

    def cut(self, address: str) -> None:
        """The line of that computer, until `mend`."""
        do("ip", "-n", self._names[address], "link", "set", "eth0", "down")

    def mend(self, address: str) -> None:
        do("ip", "-n", self._names[address], "link", "set", "eth0", "up")

    def until(self, true: Callable[[], object], within: float = 60.0) -> None:
        deadline = time.monotonic() + within
        while not true():
            assert time.monotonic() < deadline, f"waited in vain; found {self.incidents()}"
            time.sleep(0.5)

    def until_found(self, words: str, within: float = 60.0) -> None:
        """A finding whose Korean sentence holds `words`."""
        self.until(lambda: any(words in title for title in self.findings()), within)

    def build(self) -> None:
        self._join()
        self.documents.mkdir()
        for number in range(60):
            (self.documents / f"도면-{number}.dwg").write_bytes(b"AC1032" + os.urandom(20_000))
        self.site.mkdir(parents=True)
        self.deface(_PAGE)
        (self.site.parent / "nginx.conf").write_text(_NGINX.format(folder=self.site.parent, address=COMPANY))
        self.start(COMPANY, "nginx", "-c", self.site.parent / "nginx.conf", "-e", self.site.parent / "error.log")
        self.start_centre()
        self.jikimi(CENTRE, "admin", "tenant", "add", "대성테크", "--data", self.data)
        told = self.jikimi(CENTRE, "admin", "token", "create", "--data", self.data, "--json")
        token = msgspec.json.decode(told)["token"]
        self.jikimi(
            COMPANY, "agent", "enrol", "--url", f"http://{CENTRE}:{PORT}", "--token", token, "--state", self.state,
            "--device", "웹서버-1", "--protect", self.documents, "--lab-loop-is-removable",
        )  # fmt: skip
        settings = msgspec.json.decode((self.state / "settings.json").read_bytes(), type=AgentSettings)
        logs = LogSettings(journal=False, files=(str(self.site.parent / "access.log"),))
        settings = msgspec.structs.replace(settings, logs=logs)
        (self.state / "settings.json").write_bytes(msgspec.json.encode(settings))
        self.start_agent()

    def start_centre(self) -> subprocess.Popen[bytes]:
        options = ("--host", "0.0.0.0", "--port", str(PORT), "--private-websites", "--data", self.data)
        process = self.start(CENTRE, sys.executable, "-m", "jikimi", "up", *options)
        address = self.data / "centre.address"
        deadline = time.monotonic() + 60
        while not address.exists():
            assert process.poll() is None, (self.folder / f"{len(self._processes) - 1}.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return process

    def start_agent(self, *under: str | Path) -> None:
        """`under`: a command that runs it, as umockdev-run does."""
        process = self._agent = self.start(
            COMPANY, *under, sys.executable, "-m", "jikimi", "agent", "run", "--state", self.state
        )
        status = self.state / "status.json"
        status.unlink(missing_ok=True)
        deadline = time.monotonic() + 60
        while not (status.exists() and b'"running"' in status.read_bytes()):
            assert process.poll() is None, (self.folder / f"{len(self._processes) - 1}.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def deface(self, page: str) -> None:
        (self.site / "index.html").write_text(page, encoding="utf-8")

    def close(self) -> None:
        for process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process in reversed(self._processes):
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for name in (*self._names.values(), self._switch):
            with contextlib.suppress(subprocess.CalledProcessError):
                do("ip", "netns", "delete", name)

    def _join(self) -> None:
        do("ip", "netns", "add", self._switch)
        do("ip", "-n", self._switch, "link", "add", "br0", "type", "bridge")
        do("ip", "-n", self._switch, "link", "set", "br0", "up")
        for number, (address, name) in enumerate(self._names.items()):
            do("ip", "netns", "add", name)
            port = f"port{number}"
            do("ip", "link", "add", "eth0", "netns", name, "type", "veth", "peer", "name", port, "netns", self._switch)
            do("ip", "-n", self._switch, "link", "set", port, "master", "br0", "up")
            do("ip", "-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            for link in ("lo", "eth0"):
                do("ip", "-n", name, "link", "set", link, "up")


MISSING = [tool for tool in ("ip", "nsenter", "nginx", "nmap", "curl") if shutil.which(tool) is None]


@contextlib.contextmanager
def town(folder: Path) -> Iterator[Town]:
    made = Town(folder, str(os.getpid()))
    try:
        made.build()
        yield made
    finally:
        made.close()
