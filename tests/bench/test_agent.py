"""The agent bench: what it holds the agent's flows against, and what it says where it cannot run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bench.agent import compare, helpers
from bench.conversations import Conversation, conversations
from jikimi.cli import app
from tests.collectors.flows import wire

A, B = ("192.0.2.1", 40_000), ("192.0.2.2", 443)
ENDS = ("tcp", frozenset({A, B}))


def flow(packets: int, size: int, **more: Any) -> dict[str, Any]:
    ends = {"SourceIp": A[0], "SourcePort": A[1], "DestinationIp": B[0], "DestinationPort": B[1]}
    counts = {"PacketsOut": packets, "PacketsIn": 1, "BytesOut": size, "BytesIn": 40}
    return {"category": "network_flow", "Protocol": "tcp", **ends, **counts, **more}


def test_flows_of_one_conversation_are_summed() -> None:
    told = compare({ENDS: Conversation(7, 1080)}, [flow(3, 600), flow(2, 400, Image="/bin/nc")])
    assert (told["flows_told"], told["missed"], told["exact"], told["with_program"]) == (2, 0, 1, 1)


def test_a_wrong_byte_a_missed_flow_and_an_open_one_show() -> None:
    assert compare({ENDS: Conversation(4, 641)}, [flow(3, 600)])["exact"] == 0
    told = compare({ENDS: Conversation(4, 640)}, [flow(3, 600, EndReason="open"), {"category": "file_access"}])
    assert (told["flows_told"], told["missed"], told["exact"]) == (0, 1, 0)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="no tshark here")
def test_tsharks_conversations_are_read_with_their_ip_bytes(tmp_path: Path) -> None:
    capture = tmp_path / "truth.pcap"
    there = wire.ipv4(A[0], B[0], 6, wire.tcp(A[1], B[1], wire.SYN))
    back = wire.ipv4(B[0], A[0], 6, wire.tcp(B[1], A[1], wire.SYN | wire.ACK))
    capture.write_bytes(wire.pcap([(1, wire.ethernet(there)), (2, wire.ethernet(back))]))
    assert conversations(capture) == {ENDS: Conversation(2, 80)}


def test_without_root_it_says_so_and_exits_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    ran = CliRunner().invoke(app, ["bench", "agent"])
    assert ran.exit_code == 2
    assert "run it as root" in ran.output


def test_the_processes_that_an_agent_started_are_told_by_module() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "bench.sink", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        told = helpers(os.getpid())
        child.communicate()
    assert told["bench.sink"].keys() == {"cpu_seconds", "rss_mb"}
