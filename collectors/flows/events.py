"""A flow as an event, field by field as rules/README.md states it."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from collectors.flows.packet import DCCP, ICMP, ICMP6, SCTP, TCP, UDP, UDP_LITE
from collectors.flows.table import Flow
from jikimi.domain.event import TIMESTAMP, Event

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES = {
    TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMP6: "icmp6", SCTP: "sctp", DCCP: "dccp", UDP_LITE: "udplite",
    2: "igmp", 4: "ipv4", 41: "ipv6", 47: "gre", 50: "esp", 51: "ah", 88: "eigrp", 89: "ospf", 103: "pim",
    108: "ipcomp", 112: "vrrp", 115: "l2tp",
}  # fmt: skip


def flow_event(flow: Flow) -> Event:
    """`@timestamp` is the flow's end, known only then. `Initiated` is "true": seen from the side that opened it."""
    event: Event = {
        TIMESTAMP: stamp(flow.end),
        "SourceIp": address(flow.source),
        "DestinationIp": address(flow.destination),
        "Protocol": protocol_name(flow.protocol),
        "Initiated": "true",
        "PacketsOut": flow.packets_out,
        "PacketsIn": flow.packets_in,
        "BytesOut": flow.bytes_out,
        "BytesIn": flow.bytes_in,
        "StartTime": stamp(flow.start),
        "EndTime": stamp(flow.end),
        "ConnectionState": flow.connection_state,
        "EndReason": flow.end_reason,
    }
    if flow.has_ports:
        event["SourcePort"] = flow.source_port
        event["DestinationPort"] = flow.destination_port
    return event


def protocol_name(number: int) -> str:
    """IANA's keyword in lower case, `ip-N` for the rarer ones."""
    return _NAMES.get(number, f"ip-{number}")


def stamp(nanoseconds: int) -> str:
    """RFC 3339 in UTC with microseconds; a time outside the calendar becomes its nearest edge."""
    try:
        moment = _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        moment = datetime.max.replace(tzinfo=UTC) if nanoseconds > 0 else _EPOCH
    return moment.isoformat(timespec="microseconds")[:-6] + "Z"


def address(packed: bytes) -> str:
    """Text of an IPv4 or IPv6 address (RFC 5952)."""
    return str(ip_address(packed))
