"""Flows between two network namespaces, held against what the interface itself counted."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.lab import do

COUNT = 300
ATTACKER, VICTIM = "192.0.2.1", "192.0.2.2"
ROOT = Path(__file__).parents[2]

SERVER = f"""
import socket
server = socket.create_server(("{VICTIM}", 8080), backlog=64)
print("ready", flush=True)
for _ in range({COUNT}):
    peer, _ = server.accept()
    with peer:
        while peer.recv(65536):
            pass
        peer.sendall(b"thanks")
"""
CLIENT = f"""
import socket
for n in range({COUNT}):
    with socket.create_connection(("{VICTIM}", 8080)) as peer:
        peer.sendall(b"x" * (n * 10 + 1))
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(100):
            pass
"""
HANGS_UP = f"""
import socket
server = socket.create_server(("{VICTIM}", 8080), backlog=64)
print("ready", flush=True)
for _ in range({COUNT}):
    peer, _ = server.accept()
    with peer:
        peer.sendall(b"thanks" * len(peer.recv(100)))
"""
SAME_PORTS = f"""
import socket
for n in range({COUNT}):
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        peer.bind(("", 50000 + n % 5))
        peer.connect(("{VICTIM}", 8080))
        peer.sendall(b"x" * (n % 90 + 1))
        while peer.recv(1000):
            pass
"""
SCAN = f"""
import socket
for port in range(1, 101):
    try:
        socket.create_connection(("{VICTIM}", port), timeout=1).close()
    except OSError:
        pass
"""

RESOLVER = f"""
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("{VICTIM}", 53))
print("ready", flush=True)
asked, peer = server.recvfrom(512)
found = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x3c\\0\\4" + socket.inet_aton("{VICTIM}")
server.sendto(asked[:2] + b"\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0" + asked[12:] + found, peer)
"""
QUESTION = f"""
import socket
peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
peer.connect(("{VICTIM}", 53))
peer.settimeout(5)
name = b"\\5files\\7example\\3com\\0"
peer.send(b"\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0" + name + b"\\0\\1\\0\\1")
peer.recv(512)
"""
IMAGE = os.path.realpath(sys.executable)


@pytest.fixture
def network() -> Iterator[tuple[str, str]]:
    """Two namespaces joined by a cable that carries nothing but our traffic (no IPv6, no ARP)."""
    names = (f"jkatt{os.getpid()}", f"jkvic{os.getpid()}")
    try:
        for name in names:
            do("ip", "netns", "add", name)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no network namespaces here")
    ends = [(names[0], "jka", ATTACKER, "02:00:00:00:00:01"), (names[1], "jkb", VICTIM, "02:00:00:00:00:02")]
    try:
        do("ip", "link", "add", "jka", "netns", names[0], "type", "veth", "peer", "name", "jkb", "netns", names[1])
        for name, link, address, mac in ends:
            inside = ("ip", "netns", "exec", name)
            do(*inside, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
            do("ip", "-n", name, "link", "set", link, "address", mac)
            do("ip", "-n", name, "link", "set", link, "arp", "off")
            do("ip", "-n", name, "address", "add", f"{address}/24", "dev", link)
            do("ip", "-n", name, "link", "set", "lo", "up")
            do("ip", "-n", name, "link", "set", link, "up")
        for (name, link, _, _), (_, _, far, mac) in zip(ends, reversed(ends), strict=True):
            do("ip", "-n", name, "neigh", "replace", far, "lladdr", mac, "dev", link)
        yield names
    finally:
        for name in names:
            do("ip", "netns", "delete", name)


class FlowsIn:
    """The flow source inside a namespace."""

    def __init__(self, name: str, memory: Path, *more: str) -> None:
        command = [
            "nsenter",
            f"--net=/run/netns/{name}",
            sys.executable,
            "-m",
            "tests.lab.flows_in",
            str(memory),
            *more,
        ]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self._process.stdout is not None
        self.mode = self._process.stdout.readline().strip()

    def end(self) -> list[dict[str, Any]]:
        out, _ = self._process.communicate(timeout=30)
        return [json.loads(line) for line in out.splitlines()]


def inside(name: str, code: str) -> list[str]:
    return ["ip", "netns", "exec", name, sys.executable, "-c", code]


def exchange(network: tuple[str, str]) -> None:
    with subprocess.Popen(inside(network[1], SERVER), stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        server.stdout.readline()
        do(*inside(network[0], CLIENT))
        assert server.wait(30) == 0


def counted_both(name: str, link: str) -> int:
    """IP bytes that came in and went out, as the interface counted."""
    told = json.loads(do("ip", "-n", name, "-s", "-j", "link", "show", link))[0]["stats64"]
    return sum(int(told[way]["bytes"]) - 14 * int(told[way]["packets"]) for way in ("rx", "tx"))


def counted(name: str, link: str) -> tuple[int, int]:
    """(packets, IP bytes) that came in, as the interface counted: its bytes include a 14-byte Ethernet header each."""
    told = json.loads(do("ip", "-n", name, "-s", "-j", "link", "show", link))[0]["stats64"]["rx"]
    return told["packets"], told["bytes"] - 14 * told["packets"]


@pytest.mark.parametrize("way", ["conntrack", "packets"])
def test_300_connections_are_300_flows_with_exact_packets_and_bytes(
    network: tuple[str, str], tmp_path: Path, way: str
) -> None:
    """Every packet that the interface carried is in exactly one flow."""
    before = counted(network[1], "jkb"), counted(network[0], "jka")
    source = FlowsIn(network[1], tmp_path / "flows.json", way)
    if source.mode != way:
        source.end()
        pytest.skip("this kernel tracks no connections here")
    exchange(network)
    time.sleep(0.5)
    flows = [event for event in source.end() if "Protocol" in event]
    after = counted(network[1], "jkb"), counted(network[0], "jka")
    assert len(flows) == len({event["SourcePort"] for event in flows}) == COUNT
    into_victim = tuple(now - then for now, then in zip(after[0], before[0], strict=True))
    out_of_victim = tuple(now - then for now, then in zip(after[1], before[1], strict=True))
    assert (sum(e["PacketsOut"] for e in flows), sum(e["BytesOut"] for e in flows)) == into_victim
    assert (sum(e["PacketsIn"] for e in flows), sum(e["BytesIn"] for e in flows)) == out_of_victim
    assert {(e["SourceIp"], e["DestinationIp"], e["DestinationPort"]) for e in flows} == {(ATTACKER, VICTIM, 8080)}
    assert {(e["Initiated"], e["ConnectionState"], e["EndReason"]) for e in flows} == {("false", "established", "fin")}


def test_connections_that_take_the_ports_of_the_last_one_at_once_are_each_told_with_their_own_counts(
    network: tuple[str, str], tmp_path: Path
) -> None:
    """The kernel forgets a closed flow as soon as a new one has its addresses and ports."""
    source = FlowsIn(network[1], tmp_path / "flows.json", "conntrack")
    with subprocess.Popen(inside(network[1], HANGS_UP), stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        server.stdout.readline()
        do(*inside(network[0], SAME_PORTS))
        assert server.wait(30) == 0
    time.sleep(2.5)
    events = source.end()
    flows = [event for event in events if event.get("DestinationPort") == 8080]
    assert len({event["SourcePort"] for event in flows}) == 5
    assert [event["EndReason"] for event in flows] == ["fin"] * COUNT
    assert sum(event["BytesOut"] + event["BytesIn"] for event in flows) == counted_both(network[1], "jkb")
    assert not [event for event in events if "Kind" in event]


def test_a_port_scan_is_a_rejected_flow_a_port(network: tuple[str, str], tmp_path: Path) -> None:
    source = FlowsIn(network[1], tmp_path / "flows.json")
    if source.mode != "conntrack":
        source.end()
        pytest.skip("this kernel tracks no connections here")
    do(*inside(network[0], SCAN))
    time.sleep(0.5)
    flows = [event for event in source.end() if "Protocol" in event]
    assert {event["DestinationPort"] for event in flows} == set(range(1, 101))
    assert {(e["ConnectionState"], e["EndReason"], e["Initiated"]) for e in flows} == {("rejected", "rst", "false")}


@pytest.mark.skipif(shutil.which("nmap") is None, reason="needs nmap")
@pytest.mark.parametrize("scan", ["-sX", "-sN", "-sF", "-sA", "-sS"])
def test_a_scan_with_whatever_flags_is_a_flow_a_port_with_its_answer(
    network: tuple[str, str], tmp_path: Path, scan: str
) -> None:
    """Connection tracking leaves out packets whose flags no connection has."""
    source = FlowsIn(network[1], tmp_path / "flows.json")
    if source.mode != "conntrack":
        source.end()
        pytest.skip("this kernel tracks no connections here")
    nmap = ("nmap", "-n", "-Pn", "-T4", "--max-retries", "0", "-p1-50", scan, VICTIM)
    do("ip", "netns", "exec", network[0], *nmap)
    time.sleep(0.7)
    flows = [event for event in source.end() if event.get("Protocol") == "tcp"]
    assert sorted(event["DestinationPort"] for event in flows) == list(range(1, 51))
    assert {(e["SourceIp"], e["PacketsOut"], e["PacketsIn"], e["BytesIn"]) for e in flows} == {(ATTACKER, 1, 1, 40)}
    assert {e["ConnectionState"] for e in flows} == {"rejected"}


def test_without_the_right_the_opener_still_sees_every_connection_it_closed(
    network: tuple[str, str], tmp_path: Path
) -> None:
    """Polling: short connections are found in TIME_WAIT, each once."""
    source = FlowsIn(network[0], tmp_path / "flows.json", "sock_diag")
    assert source.mode == "sock_diag"
    exchange(network)
    time.sleep(1.5)
    events = source.end()
    flows = [event for event in events if "Protocol" in event]
    assert len(flows) == len({event["SourcePort"] for event in flows}) == COUNT
    assert {(e["SourceIp"], e["DestinationIp"], e["Initiated"]) for e in flows} == {(ATTACKER, VICTIM, "true")}
    assert [event["Kind"] for event in events if "Kind" in event] == ["degraded"]


def test_every_connection_has_its_program_and_its_host_name(network: tuple[str, str], tmp_path: Path) -> None:
    """Both ends: the opener by its own, the listener as who was called; DNS names go to flows and are events."""
    opener = FlowsIn(network[0], tmp_path / "opener.json", "conntrack", "named")
    called = FlowsIn(network[1], tmp_path / "called.json", "conntrack", "named")
    with subprocess.Popen(inside(network[1], RESOLVER), stdout=subprocess.PIPE, text=True) as resolver:
        assert resolver.stdout is not None
        resolver.stdout.readline()
        do(*inside(network[0], QUESTION))
        assert resolver.wait(30) == 0
    exchange(network)
    time.sleep(1.5)
    for source, initiated in ((opener, "true"), (called, "false")):
        events = source.end()
        flows = [event for event in events if event.get("DestinationPort") == 8080]
        assert len(flows) == COUNT
        assert {(e["Image"], e["User"], e["Initiated"]) for e in flows} == {(IMAGE, "root", initiated)}
        assert {e["DestinationHostname"] for e in flows} == {"files.example.com"}
        (asked,) = (event for event in events if "QueryName" in event)
        assert (asked["QueryName"], asked["QueryStatus"], asked["QueryResults"]) == ("files.example.com", "0", VICTIM)
        assert (asked["Image"], asked["User"]) == (IMAGE, "root")


def test_a_kernel_buffer_that_ran_over_is_told_and_the_flows_are_found_in_the_table(
    network: tuple[str, str], tmp_path: Path
) -> None:
    """ENOBUFS: told, and what the table still holds of that time is told too."""
    source = FlowsIn(network[1], tmp_path / "flows.json", "conntrack", "small")
    exchange(network)
    time.sleep(1.5)
    events = source.end()
    told = [event for event in events if "ran over" in event.get("Reason", "")]
    assert {event["Kind"] for event in told} == {"heartbeat"}
    ports = [event["SourcePort"] for event in events if event.get("DestinationPort") == 8080]
    assert len(ports) == len(set(ports)) == COUNT


BULK = f"""
import socket
server = socket.create_server(("{VICTIM}", 8080), backlog=64)
print("ready", flush=True)
for n in range(5):
    peer, _ = server.accept()
    with peer:
        peer.recv(100)
        peer.sendall(bytes(n * 300_000))
"""
FETCH = f"""
import socket
for n in range(5):
    with socket.create_connection(("{VICTIM}", 8080)) as peer:
        peer.sendall(b"x")
        while peer.recv(65536):
            pass
"""


@pytest.mark.skipif(shutil.which("ethtool") is None, reason="ethtool is not installed")
@pytest.mark.parametrize("offload", ["on", "off"])
def test_what_a_computer_sends_in_bulk_is_exact_whoever_cuts_it_into_packets(
    network: tuple[str, str], tmp_path: Path, offload: str
) -> None:
    do("ip", "netns", "exec", network[1], "ethtool", "-K", "jkb", "tso", offload, "gso", offload)
    source = FlowsIn(network[1], tmp_path / "flows.json", "conntrack")
    before = counted_both(network[1], "jkb")
    with subprocess.Popen(inside(network[1], BULK), stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        server.stdout.readline()
        do(*inside(network[0], FETCH))
        assert server.wait(30) == 0
    time.sleep(2.5)
    flows = [event for event in source.end() if event.get("DestinationPort") == 8080]
    assert len(flows) == 5
    assert sum(flow["BytesOut"] + flow["BytesIn"] for flow in flows) == counted_both(network[1], "jkb") - before


ONE_WAY = f"""
import socket
for n in range({COUNT}):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.sendto(b"x", ("{VICTIM}", 9000 + n))
"""


@pytest.mark.skipif(shutil.which("conntrack") is None, reason="conntrack (the command) is not installed")
def test_flows_that_a_kernel_buffer_that_ran_over_lost_for_good_are_counted(
    network: tuple[str, str], tmp_path: Path
) -> None:
    """Of flows that the table does not hold any more nothing is found again."""
    source = FlowsIn(network[1], tmp_path / "flows.json", "conntrack", "small")
    do(*inside(network[0], ONE_WAY))
    do("ip", "netns", "exec", network[1], "conntrack", "-F")
    time.sleep(2.5)
    events = source.end()
    told = [event for event in events if event.get("Protocol") == "udp"]
    lost = [event["Dropped"] for event in events if event.get("Kind") == "gap"]
    assert lost
    assert min(lost) > 0
    assert len(told) + sum(lost) == COUNT
