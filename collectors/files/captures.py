"""Network captures as events: one `network_flow` a conversation, one `dns` event a DNS query."""

from collections import Counter
from collections.abc import Iterator
from typing import IO

from collectors.files.problems import Problems
from collectors.flows.capture import frames
from collectors.flows.dns import question
from collectors.flows.events import address, flow_event, stamp
from collectors.flows.packet import ICMP, ICMP6, UDP, Packet, Undecoded, decode, embedded
from collectors.flows.table import FlowTable
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import NETWORK_FLOW, LogSource

DNS = LogSource(category="dns")


def capture_events(stream: IO[bytes], place: str, problems: Problems) -> Iterator[tuple[LogSource, Event]]:
    """Flows as they end and DNS queries as they are asked; frames that are not IP are not events and not problems."""
    table = FlowTable()
    undecoded: Counter[str] = Counter()
    for frame in frames(stream, lambda reason: problems.broken(place, reason)):
        packet = decode(frame.link, frame.data)
        if isinstance(packet, Undecoded):
            if packet is not Undecoded.NOT_IP:
                undecoded[f"{packet.value} (link type {frame.link})"] += 1
            continue
        for flow in table.add(packet, frame.time):
            yield NETWORK_FLOW, flow_event(flow)
        if packet.protocol in (ICMP, ICMP6):
            if packet.first and (quoted := embedded(packet, frame.data)) is not None:
                table.refuse(quoted)
        elif packet.protocol == UDP and packet.destination_port == 53 and packet.first:
            asked = question(frame.data[packet.payload :])
            if asked is not None:
                yield DNS, _dns_event(packet, frame.time, asked)
    for flow in table.close():
        yield NETWORK_FLOW, flow_event(flow)
    for reason, count in undecoded.items():
        problems.lost(place, f"{count} packets {reason}", count)


def _dns_event(packet: Packet, time: int, asked: tuple[str, str]) -> Event:
    return {
        TIMESTAMP: stamp(time),
        "query": asked[0],
        "record_type": asked[1],
        "SourceIp": address(packet.source),
        "SourcePort": packet.source_port,
        "DestinationIp": address(packet.destination),
        "DestinationPort": packet.destination_port,
        "Protocol": "udp",
    }
