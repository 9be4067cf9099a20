"""The event of a tracked flow (rules/README.md, `network_flow`)."""

import struct
from datetime import UTC, datetime
from functools import lru_cache

from collectors.sources import conntrack
from collectors.sources.conntrack import Entry, address_text
from collectors.sources.feed import Told
from collectors.sources.who import Who, readable

BARE_TCP = {4: 40, 16: 60}
"""Bytes of a TCP segment without options, by the length of its address: a refusal. An answer to an opening carries at
least its MSS."""
NANOSECONDS = 1_000_000_000
_PORTED = (6, 17, 132)
_PORTS = struct.Struct(">HH").unpack


class FlowEvent(Told):
    """rules/README.md, `network_flow`."""

    source_ip: str = ""
    source_port: int | None = None
    destination_ip: str = ""
    destination_port: int | None = None
    destination_hostname: str = ""
    protocol: str = ""
    initiated: str = ""
    packets_out: int | None = None
    packets_in: int | None = None
    bytes_out: int | None = None
    bytes_in: int | None = None
    start_time: str = ""
    end_time: str = ""
    connection_state: str = ""
    end_reason: str = ""
    image: str = ""
    process_id: int | None = None
    user: str = ""


def flow_event(
    entry: Entry, initiated: bool | None, who: Who, at: str, *, hostname: str = "", still_open: bool = False
) -> FlowEvent:
    """`at` is the moment of telling, and the end of a flow whose end the kernel does not tell."""
    near, far = _PORTS(entry.ports) if entry.protocol in _PORTED else (None, None)
    return FlowEvent(
        timestamp=at,
        source_ip=address_text(entry.source),
        source_port=near,
        destination_ip=address_text(entry.destination),
        destination_port=far,
        destination_hostname=hostname,
        protocol=conntrack.PROTOCOLS.get(entry.protocol) or str(entry.protocol),
        initiated="" if initiated is None else "true" if initiated else "false",
        packets_out=entry.packets_out,
        packets_in=entry.packets_in,
        bytes_out=entry.bytes_out,
        bytes_in=entry.bytes_in,
        start_time=stamp(entry.start) if entry.start else "",
        end_time="" if still_open else stamp(entry.stop) if entry.stop else at,
        connection_state=connection_state(entry),
        end_reason=end_reason(entry, still_open=still_open),
        image=readable(who.image),
        process_id=who.pid or None,
        user=who.user,
    )


def connection_state(entry: Entry) -> str:
    """`established rejected no_answer reset`, from what both sides sent."""
    if entry.protocol != conntrack.TCP:
        return "established" if entry.status & conntrack.SEEN_REPLY else "no_answer"
    if entry.status & conntrack.ASSURED:
        return "established"
    if not entry.status & conntrack.SEEN_REPLY and entry.packets_in == 0:
        return "no_answer" if entry.state != conntrack.CLOSE else "rejected"
    bare = BARE_TCP[len(entry.source)]
    if entry.state == conntrack.CLOSE and entry.bytes_in <= bare * entry.packets_in:
        return "rejected"
    return "reset" if entry.state == conntrack.CLOSE else "established"


def end_reason(entry: Entry, *, still_open: bool) -> str:
    """`fin rst timeout open`."""
    if still_open:
        return "open"
    if entry.protocol == conntrack.TCP and entry.state == conntrack.CLOSE:
        return "rst"
    return "fin" if entry.state == conntrack.TIME_WAIT else "timeout"


def stamp(nanoseconds: int) -> str:
    """RFC 3339 in UTC with microseconds of a time in ns since 1970."""
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    return f"{_second(seconds)}.{rest // 1000:06d}Z"


@lru_cache(256)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
