"""Network captures as events: one `network_flow` a conversation, one `dns` event a DNS query."""

from collections.abc import Iterator

from collectors.files.problems import Problems
from collectors.flows.dissect import Query, Seen, dissect
from collectors.flows.events import address, flow_event, stamp
from collectors.flows.rare_links import RareLinks
from collectors.flows.table import FlowTable
from collectors.flows.window import Readable
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import NETWORK_FLOW, LogSource

DNS = LogSource(category="dns")


def capture_events(stream: Readable, place: str, problems: Problems) -> Iterator[tuple[LogSource, Event]]:
    """Flows as they end and DNS queries as they are asked; frames that are not IP are not events and not problems."""
    table, seen = FlowTable(), Seen()
    with RareLinks() as rare:
        for found in dissect(stream, table, seen, lambda reason: problems.broken(place, reason), rare):
            yield (DNS, _dns_event(found)) if isinstance(found, Query) else (NETWORK_FLOW, flow_event(found))
    for flow in table.close():
        yield NETWORK_FLOW, flow_event(flow)
    for reason, count in seen.undecoded.items():
        problems.lost(place, f"{count} packets {reason}", count)
    if rare.failure:
        problems.note(f"{place}: {rare.failure}")


def _dns_event(query: Query) -> Event:
    packet = query.packet
    return {
        TIMESTAMP: stamp(query.time),
        "query": query.name,
        "record_type": query.type,
        "SourceIp": address(packet.source),
        "SourcePort": packet.source_port,
        "DestinationIp": address(packet.destination),
        "DestinationPort": packet.destination_port,
        "Protocol": "udp",
    }
