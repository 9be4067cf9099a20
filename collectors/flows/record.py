"""A flow as `jikimi flows` prints it: what other flow logs call a flow record."""

from typing import Any

from collectors.flows.events import address, protocol_name, stamp
from collectors.flows.table import Flow

COLUMNS = (
    "src_ip", "src_port", "dst_ip", "dst_port", "proto", "start", "end", "packets_out", "packets_in", "bytes_out",
    "bytes_in", "connection_state", "end_reason", "vlan",
)  # fmt: skip


def flow_record(flow: Flow) -> dict[str, Any]:
    """`src` opened the flow, `out` is what it sent; bytes count from the IP header on. Ports are 0 for a protocol
    without any. `vlan` lists the first packet's VLAN identifiers, the outermost first, and is empty outside VLANs."""
    return {
        "src_ip": address(flow.source),
        "src_port": flow.source_port if flow.has_ports else 0,
        "dst_ip": address(flow.destination),
        "dst_port": flow.destination_port if flow.has_ports else 0,
        "proto": protocol_name(flow.protocol),
        "start": stamp(flow.start),
        "end": stamp(flow.end),
        "packets_out": flow.packets_out,
        "packets_in": flow.packets_in,
        "bytes_out": flow.bytes_out,
        "bytes_in": flow.bytes_in,
        "connection_state": flow.connection_state,
        "end_reason": flow.end_reason,
        "vlan": list(flow.vlans),
    }
