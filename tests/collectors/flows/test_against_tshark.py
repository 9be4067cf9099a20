"""The flow table against tshark's own account of the same captures."""

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from collectors.files import Problems, read_events
from jikimi.domain.logsource import NETWORK_FLOW
from jikimi.testing.corpus import corpus_root

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed"),
    pytest.mark.skipif(corpus_root() is None, reason="no corpus"),
]

Conversation = tuple[str, str, int, int]


def _captures() -> list[Path]:
    root = corpus_root()
    return sorted((root / "samples" / "pcap").glob("*.pcap")) if root else []


def _by_tshark(path: Path) -> tuple[Counter[Conversation], Counter[Conversation]]:
    """(packets, IP bytes) a conversation, from the fields of each packet; reassembly off, so that fragments count."""
    fields = ["ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport"]
    command = ["tshark", "-r", str(path), "-Y", "(tcp or udp) and not icmp and not icmpv6", "-T", "fields"]
    for name in [*fields, "ip.len", "ipv6.plen"]:
        command += ["-e", name]
    command += ["-o", "ip.defragment:false", "-o", "ipv6.defragment:false"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    packets: Counter[Conversation] = Counter()
    size: Counter[Conversation] = Counter()
    for line in listed.splitlines():
        s4, d4, s6, d6, ts, td, us, ud, len4, len6 = line.split("\t")
        ends = sorted([(s4 or s6, int(ts or us)), (d4 or d6, int(td or ud))])
        key = (ends[0][0], ends[1][0], ends[0][1], ends[1][1])
        packets[key] += 1
        size[key] += int(len4) if len4 else int(len6) + 40
    return packets, size


@pytest.mark.parametrize("path", _captures(), ids=lambda path: path.stem)
def test_packets_and_bytes_a_conversation_are_what_tshark_counts(path: Path) -> None:
    packets: Counter[Conversation] = Counter()
    size: Counter[Conversation] = Counter()
    problems = Problems()
    for logsource, event in read_events(path, problems=problems):
        if logsource != NETWORK_FLOW or event["Protocol"] not in ("tcp", "udp"):
            continue
        ends = sorted([(event["SourceIp"], event["SourcePort"]), (event["DestinationIp"], event["DestinationPort"])])
        key = (ends[0][0], ends[1][0], ends[0][1], ends[1][1])
        packets[key] += event["PacketsOut"] + event["PacketsIn"]
        size[key] += event["BytesOut"] + event["BytesIn"]
    expected_packets, expected_size = _by_tshark(path)
    if "fragmented" in path.name:  # tshark lists the other fragments without ports
        assert {key for key in packets if key[2]} == expected_packets.keys()
        return
    assert (packets, size) == (expected_packets, expected_size)
    assert problems.unreadable == 0


@pytest.mark.parametrize("path", _captures(), ids=lambda path: path.stem)
def test_the_opener_of_every_tcp_conversation_is_the_one_tshark_saw_send_the_first_syn(path: Path) -> None:
    command = [
        "tshark",
        "-r",
        str(path),
        "-Y",
        "tcp.flags.syn == 1 and tcp.flags.ack == 0 and not icmp",
        "-T",
        "fields",
    ]
    command += ["-e", "ip.src", "-e", "ipv6.src", "-e", "tcp.srcport", "-e", "tcp.dstport"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    openers = {tuple(re.split(r"\t+", line.strip())) for line in listed.splitlines()}
    flows = [event for source, event in read_events(path, problems=Problems()) if source == NETWORK_FLOW]
    sources = {
        (f["SourceIp"], str(f["SourcePort"]), str(f["DestinationPort"])) for f in flows if f["Protocol"] == "tcp"
    }
    assert openers <= sources
