"""A real Apache Kafka for the tests: the jars from Maven Central, one JVM, ports of its own, gone with the session.

`python -m tests.integration.kafka.broker` only fetches the jars (into .kafka/, kept there) or says in one sentence what
is missing.
"""

import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

ROOT = Path(__file__).resolve().parents[3]
JARS = ROOT / ".kafka" / "lib"
POM = Path(__file__).with_name("pom.xml")
JAVA = ("java", "-Xmx512m", "-cp", f"{JARS}/*")
START_SECONDS = 90

_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""


class Missing(Exception):
    """The machine lacks something; the text is the sentence to show."""


def fetch_jars() -> None:
    """Raises Missing, naming what to install."""
    java, maven = shutil.which("java"), shutil.which("mvn")
    if java is None or maven is None:
        absent = " and ".join(name for name, found in (("Java 17", java), ("Maven", maven)) if found is None)
        raise Missing(
            f"The Kafka tests run a real broker and need Java 17 and Maven; {absent} cannot be found on PATH."
        )
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < 17:
        raise Missing(f"The Kafka tests need Java 17 or newer; `java -version` says: {said.strip()}")
    if (JARS / "complete").exists():
        return
    command = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={JARS}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"Maven could not fetch Apache Kafka: {(done.stdout + done.stderr).strip()[-2000:]}")
    (JARS / "complete").touch()


@dataclass
class Broker:
    """One broker, also its own controller."""

    bootstrap: str
    folder: Path
    process: "subprocess.Popen[bytes]"

    @classmethod
    def start(cls, folder: Path) -> "Broker":
        """Raises Missing when it does not come up."""
        fetch_jars()
        port, controller = _free_ports(2)
        properties = folder / "server.properties"
        properties.write_text(_PROPERTIES.format(port=port, controller=controller, data=folder / "data"))
        cluster = uuid4().hex[:22]
        formatting = [*JAVA, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)]
        subprocess.run(formatting, check=True, capture_output=True)
        broker = cls(f"127.0.0.1:{port}", folder, _launch(folder))
        broker._wait()
        return broker

    def restart(self) -> None:
        """Up again after `stop`, at the same address with the same data."""
        self.process = _launch(self.folder)
        self._wait()

    def _wait(self) -> None:
        port = int(self.bootstrap.rpartition(":")[2])
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.2)
        self.stop()
        raise Missing(f"Apache Kafka did not start: {(self.folder / 'broker.log').read_text()[-2000:]}")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _launch(folder: Path) -> "subprocess.Popen[bytes]":
    with (folder / "broker.log").open("ab") as log:
        command = [*JAVA, "kafka.Kafka", str(folder / "server.properties")]
        return subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Fails, rather than skips, where Kafka cannot run: whoever asks for these tests wants them run."""
    try:
        broker = Broker.start(tmp_path_factory.mktemp("kafka"))
    except Missing as missing:
        pytest.fail(str(missing), pytrace=False)
    yield broker
    broker.stop()


if __name__ == "__main__":
    try:
        fetch_jars()
    except Missing as missing:
        sys.exit(str(missing))
