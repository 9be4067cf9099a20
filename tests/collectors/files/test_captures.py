"""Captures as events."""

from pathlib import Path

from collectors.files import Problems, read_events
from collectors.flows.packet import TCP, UDP
from jikimi.domain.logsource import NETWORK_FLOW, LogSource
from tests.collectors.flows import wire
from tests.collectors.flows.wire import NS, SYN, A, B


def test_a_flow_carries_the_fields_that_rules_readme_states(tmp_path: Path) -> None:
    path = tmp_path / "in.pcapng"
    path.write_bytes(wire.pcapng([(1_700_000_000 * NS, wire.ethernet(wire.ipv4(A, B, TCP, wire.tcp(40000, 22, SYN))))]))
    assert list(read_events(path, problems=Problems())) == [
        (
            NETWORK_FLOW,
            {
                "@timestamp": "2023-11-14T22:13:20.000000Z",
                "SourceIp": A,
                "DestinationIp": B,
                "Protocol": "tcp",
                "Initiated": "true",
                "PacketsOut": 1,
                "PacketsIn": 0,
                "BytesOut": 40,
                "BytesIn": 0,
                "StartTime": "2023-11-14T22:13:20.000000Z",
                "EndTime": "2023-11-14T22:13:20.000000Z",
                "ConnectionState": "no_answer",
                "EndReason": "open",
                "SourcePort": 40000,
                "DestinationPort": 22,
            },
        )
    ]


def test_a_dns_query_is_an_event_of_sigmas_dns_category(tmp_path: Path) -> None:
    asked = b"\x00\x01\x01\x00\x00\x01" + bytes(6) + b"\x07example\x03com\x00\x00\x10\x00\x01"
    path = tmp_path / "in.pcap"
    path.write_bytes(wire.pcap([(NS, wire.ethernet(wire.ipv4(A, B, UDP, wire.udp(5000, 53, asked))))]))
    dns = [event for source, event in read_events(path, problems=Problems()) if source == LogSource(category="dns")]
    assert [(event["query"], event["record_type"], event["SourceIp"]) for event in dns] == [("example.com", "TXT", A)]


def test_packets_that_cannot_be_decoded_are_counted_and_arp_is_not(tmp_path: Path) -> None:
    whole = wire.ethernet(wire.ipv4(A, B, UDP, wire.udp(1, 2)))
    frames = [(NS, whole[:20]), (NS, wire.ethernet(bytes(28), 0x0806)), (NS, whole)]
    path = tmp_path / "in.pcap"
    path.write_bytes(wire.pcap(frames))
    problems = Problems()
    assert len(list(read_events(path, problems=problems))) == 1
    assert problems.unreadable == 1
