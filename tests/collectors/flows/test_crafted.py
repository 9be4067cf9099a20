"""Flows of captures that scapy crafted, against tshark's own account of the same files."""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from collectors.files.opening import captures_in
from collectors.files.problems import Problems
from collectors.flows.dissect import Seen, dissect
from collectors.flows.events import address
from collectors.flows.packet import TCP, UDP
from collectors.flows.rare_links import RareLinks
from collectors.flows.table import Flow, FlowTable
from jikimi.testing.corpus import corpus_root

pytestmark = [
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("scapy") is None, reason="scapy is not installed"),
]

# in the order of craft.STORIES, which only scapy's process may load
NAMES = [
    "vlan",
    "qinq",
    "mpls",
    "mpls6",
    "pppoe",
    "ipv6",
    "ipv6_options",
    "ipv6_fragments",
    "fragments",
    "fragments_backwards",
    "padding",
    "retransmissions",
    "simultaneous_open",
    "simultaneous_close",
    "port_reuse",
    "port_reuse_without_end",
    "reset",
    "refused",
    "half_open",
    "middle",
    "one_direction",
    "icmp",
    "unreachable",
    "icmp6",
    "sctp",
    "gre",
    "ip_in_ip",
    "vxlan",
    "raw",
    "cooked",
    "wireless",
]
_ROW = re.compile(r"^(\S+?)(?::(\d+))?\s+<->\s+(\S+?)(?::(\d+))?\s+(\d+)\s+[\d,]+\s\S+\s+(\d+)\s")

Ends = tuple[str, tuple[str, int], tuple[str, int]]


def _flows(path: Path) -> list[Flow]:
    table, seen, problems = FlowTable(), Seen(), Problems()
    found: list[Any] = []
    with RareLinks() as rare:
        for _, stream in captures_in(path, problems):
            found += dissect(stream, table, seen, pytest.fail, rare)
    assert not seen.undecoded
    return [*(flow for flow in found if isinstance(flow, Flow)), *table.close()]


def _told(path: Path, *words: str) -> str:
    command = ["tshark", "-r", str(path), "-o", "ip.defragment:false", "-o", "ipv6.defragment:false", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def _by_addresses(path: Path) -> Counter[tuple[str, str]]:
    """IP bytes from one address to another, by the outermost IP header of each packet."""
    fields = ["-e", "ip.src", "-e", "ip.dst", "-e", "ip.len", "-e", "ipv6.src", "-e", "ipv6.dst", "-e", "ipv6.plen"]
    counts: Counter[tuple[str, str]] = Counter()
    listed = _told(path, "-Y", "ip or ipv6", "-T", "fields", "-E", "occurrence=f", *fields)
    for line in listed.splitlines():
        s4, d4, len4, s6, d6, len6 = line.split("\t")
        counts[s4 or s6, d4 or d6] += int(len4) if len4 else int(len6) + 40
    return counts


class Account:
    """What we and tshark say of one file, each asked once; by story."""

    def __init__(self, path: Path) -> None:
        self._flows = _flows(path)
        self._bytes = _by_addresses(path)
        self._packets = _conversations(path)

    def flows(self, name: str) -> list[Flow]:
        ours = _teller(name)
        return [flow for flow in self._flows if ours & {address(flow.source), address(flow.destination)}]

    def bytes(self, name: str) -> Counter[tuple[str, str]]:
        return Counter({ends: size for ends, size in self._bytes.items() if _teller(name) & set(ends)})

    def packets(self, name: str) -> Counter[tuple[Ends, str]]:
        ours = _teller(name)
        return Counter({key: n for key, n in self._packets.items() if ours & {end[0] for end in key[0][1:]}})


def _teller(name: str) -> set[str]:
    number = NAMES.index(name) + 1
    return {f"192.0.2.{number}", f"2001:db8::{number:x}"}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Account:
    path = tmp_path_factory.mktemp("crafted") / "all.pcapng"
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-m", "tests.collectors.flows.craft", path], check=True, cwd=root, timeout=120)
    return Account(path)


@pytest.mark.parametrize("name", NAMES)
def test_every_byte_goes_from_whom_and_to_whom_tshark_says(account: Account, name: str) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for flow in account.flows(name):
        source, destination = address(flow.source), address(flow.destination)
        counts[source, destination] += flow.bytes_out
        counts[destination, source] += flow.bytes_in
    assert +counts == account.bytes(name)
    assert counts.total()


def _conversations(path: Path) -> Counter[tuple[Ends, str]]:
    """Packets of each direction of each TCP and UDP conversation that `tshark -z conv` lists."""
    counts: Counter[tuple[Ends, str]] = Counter()
    protocol = ""
    for line in _told(path, "-q", "-z", "conv,tcp", "-z", "conv,udp").splitlines():
        protocol = {"TCP Conversations": "tcp", "UDP Conversations": "udp"}.get(line, protocol)
        if row := _ROW.match(line):
            one, two = (row[1], int(row[2])), (row[3], int(row[4]))
            first, second = min(one, two), max(one, two)
            key = (protocol, first, second)
            counts[key, "back" if one == first else "out"] += int(row[5])  # tshark's left arrow is towards `one`
            counts[key, "out" if one == first else "back"] += int(row[6])
    return +counts


def _as_conversations(flows: list[Flow]) -> Counter[tuple[Ends, str]]:
    counts: Counter[tuple[Ends, str]] = Counter()
    for flow in flows:
        if flow.protocol in (TCP, UDP):
            one, two = (address(flow.source), flow.source_port), (address(flow.destination), flow.destination_port)
            first, second = min(one, two), max(one, two)
            key = ("tcp" if flow.protocol == TCP else "udp", first, second)
            counts[key, "out" if one == first else "back"] += flow.packets_out
            counts[key, "back" if one == first else "out"] += flow.packets_in
    return +counts


_INNER = {"unreachable", "vxlan"}  # tshark lists what an ICMP error quotes or a tunnel carries, too
_PIECES = {"fragments", "fragments_backwards", "ipv6_fragments"}  # tshark leaves fragments without ports out


@pytest.mark.parametrize("name", [name for name in NAMES if name not in _INNER | _PIECES])
def test_the_packets_of_each_conversation_are_those_of_tsharks_list(account: Account, name: str) -> None:
    assert _as_conversations(account.flows(name)) == account.packets(name)


def _captures() -> list[Path]:
    root = corpus_root()
    return sorted((root / "samples" / "pcap").glob("*.pcap")) if root else []


@pytest.mark.corpus
@pytest.mark.parametrize("path", _captures(), ids=lambda path: path.stem)
def test_the_conversations_of_real_captures_are_those_of_tsharks_list(path: Path) -> None:
    if "fragmented" in path.name:
        pytest.skip("tshark leaves fragments without ports out")
    assert _as_conversations(_flows(path)) == _conversations(path)


@pytest.mark.parametrize("name", sorted(_PIECES))
def test_all_fragments_are_in_the_flow_of_their_packet(account: Account, name: str) -> None:
    told = [(f.protocol, f.source_port, f.destination_port, f.packets_out) for f in account.flows(name)]
    assert told == [(UDP, 5000, 53, 4)]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("vlan", [("established", "fin", (5,))]),
        ("qinq", [("established", "fin", (5, 6))]),
        ("simultaneous_open", [("established", "open", ())]),
        ("simultaneous_close", [("established", "fin", ())]),
        ("port_reuse", [("established", "fin", ())] * 2),
        ("port_reuse_without_end", [("established", "reused", ()), ("established", "open", ())]),
        ("reset", [("reset", "rst", ())]),
        ("refused", [("rejected", "rst", ())]),
        ("half_open", [("no_answer", "open", ())]),
        ("wireless", [("established", "fin", ())]),
    ],
)
def test_each_flow_says_how_it_went(account: Account, name: str, told: list[tuple[str, str, tuple[int, ...]]]) -> None:
    flows = account.flows(name)
    assert [(flow.connection_state, flow.end_reason, flow.vlans) for flow in flows] == told
    assert {flow.source_port for flow in flows} == {40000}
