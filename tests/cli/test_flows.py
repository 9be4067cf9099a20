"""`jikimi flows` as a person runs it."""

import csv
import gzip
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from collectors.flows.packet import TCP, UDP
from tests.collectors.flows import wire
from tests.collectors.flows.wire import ACK, FIN, NS, SYN, A, B

T = 1_700_000_000 * NS
ASK, ANSWER = wire.ipv4(A, B, UDP, wire.udp(5000, 53, b"?")), wire.ipv4(B, A, UDP, wire.udp(53, 5000, b"!!"))
DNS = [(T, wire.ethernet(ASK)), (T + NS, wire.ethernet(ANSWER))]


def _flows(*words: str | Path, stdin: bytes = b"") -> tuple[int, list[dict[str, Any]], str]:
    """(exit code, lines, what was said)"""
    done = _run(*words, stdin=stdin)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def _run(*words: str | Path, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    command = [str(Path(sys.executable).parent / "jikimi")]
    return subprocess.run(
        [*command, "flows", *map(str, words)], input=stdin, capture_output=True, timeout=60, check=False
    )


@pytest.fixture
def dns(tmp_path: Path) -> Path:
    path = tmp_path / "dns.pcap"
    path.write_bytes(wire.pcap(DNS))
    return path


def test_a_line_is_a_flow_with_its_initiator_as_source(dns: Path) -> None:
    code, lines, said = _flows(dns)
    assert code == 0
    assert lines == [
        {
            "src_ip": A,
            "src_port": 5000,
            "dst_ip": B,
            "dst_port": 53,
            "proto": "udp",
            "start": "2023-11-14T22:13:20.000000Z",
            "end": "2023-11-14T22:13:21.000000Z",
            "packets_out": 1,
            "packets_in": 1,
            "bytes_out": len(ASK),
            "bytes_in": len(ANSWER),
            "connection_state": "established",
            "end_reason": "open",
            "vlan": [],
        }
    ]
    assert "flows: 1; packets: 2" in said


def test_captures_are_read_wherever_they_lie(tmp_path: Path, dns: Path) -> None:
    content = dns.read_bytes()
    packed, zipped = tmp_path / "a.gz", tmp_path / "b.zip"
    packed.write_bytes(gzip.compress(content))
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("one.pcap", content)
        archive.writestr("two.pcapng", wire.pcapng(DNS))
        archive.writestr("readme.txt", "no capture")
    expected = _flows(dns)[1]
    assert _flows(packed)[1] == expected
    assert _flows(zipped)[1] == expected * 2
    assert "readme.txt: not a packet capture" in _flows(zipped)[2]
    assert _flows("-", stdin=content)[1] == expected


def test_several_files_are_told_apart_and_one_named_twice_is_read_once(tmp_path: Path, dns: Path) -> None:
    (tmp_path / "again.pcap").symlink_to(dns)
    other = tmp_path / "other.pcap"
    other.write_bytes(dns.read_bytes())
    code, lines, said = _flows(dns, tmp_path / "again.pcap", other)
    assert (code, [line["file"] for line in lines]) == (0, [str(dns), str(other)])
    assert "again.pcap: named twice, read once" in said


def test_joined_files_are_one_capture(tmp_path: Path) -> None:
    for name, frame in zip(("1", "2"), DNS, strict=True):
        (tmp_path / name).write_bytes(wire.pcap([frame]))
    assert [line["packets_in"] for line in _flows("--join", tmp_path / "1", tmp_path / "2")[1]] == [1]
    assert [line["packets_in"] for line in _flows(tmp_path / "1", tmp_path / "2")[1]] == [0, 0]


def test_the_timeout_that_was_asked_for_ends_flows(tmp_path: Path) -> None:
    path = tmp_path / "in.pcap"
    path.write_bytes(wire.pcap([(T, DNS[0][1]), (T + 3 * NS, DNS[0][1])]))
    assert len(_flows(path)[1]) == 1
    _, lines, _ = _flows("--timeout", "2.9", path)
    assert [line["end_reason"] for line in lines] == ["timeout", "open"]


def test_csv_has_a_header_and_the_same_values(tmp_path: Path) -> None:
    path = tmp_path / "in.pcap"
    tagged = wire.ethernet(b"\x00\x05\x81\x00\x00\x06\x08\x00" + ASK, 0x88A8)
    path.write_bytes(wire.pcap([(T, tagged)]))
    assert _flows(path)[1][0]["vlan"] == [5, 6]
    rows = list(csv.DictReader(io.StringIO(_run("--csv", path).stdout.decode())))
    assert [(row["src_ip"], row["bytes_out"], row["vlan"]) for row in rows] == [(A, str(len(ASK)), "5 6")]


def test_a_damaged_capture_is_read_as_far_as_it_is_whole_and_counted(tmp_path: Path, dns: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(dns.read_bytes()[:-5])
    code, lines, said = _flows(path)
    assert (code, len(lines)) == (0, 1)
    assert "cut short within packet 2" in said
    assert "damaged captures: 1" in said


def test_what_is_no_capture_ends_in_a_sentence_and_exit_2_and_the_others_are_read(tmp_path: Path, dns: Path) -> None:
    text, empty = tmp_path / "notes.txt", tmp_path / "empty.pcap"
    text.write_text("hello\n")
    empty.write_bytes(b"")
    code, lines, said = _flows(text, tmp_path / "missing.pcap", dns)
    assert (code, len(lines)) == (2, 1)
    assert "notes.txt: not a packet capture" in said
    assert "missing.pcap: no such file" in said
    code, lines, said = _flows(empty)
    assert (code, lines) == (0, [])
    assert "empty.pcap: empty" in said


def test_connections_that_follow_each_other_on_the_same_ports_are_flows_of_their_own(tmp_path: Path) -> None:
    def packet(back: bool, flags: int) -> bytes:
        ends = (B, A) if back else (A, B)
        return wire.ethernet(wire.ipv4(*ends, TCP, wire.tcp(*((443, 40000) if back else (40000, 443)), flags)))

    whole = [(0, SYN), (1, SYN | ACK), (0, ACK), (0, FIN | ACK), (1, FIN | ACK), (0, ACK)]
    path = tmp_path / "in.pcapng"
    path.write_bytes(wire.pcapng([(T + n * NS // 10, packet(bool(b), f)) for n, (b, f) in enumerate(whole * 2)]))
    assert [(f["packets_out"], f["packets_in"], f["end_reason"]) for f in _flows(path)[1]] == [(4, 2, "fin")] * 2
