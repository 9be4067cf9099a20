"""The event of a tracked flow (rules/README.md, `network_flow`)."""

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from collectors.sources import conntrack
from collectors.sources.conntrack import Entry, address_text
from collectors.sources.who import Who

BARE_TCP = {4: 40, 16: 60}
"""Bytes of a TCP segment without options, by the length of its address: a refusal. An answer to an opening carries at
least its MSS."""
NANOSECONDS = 1_000_000_000
_PORTED = (6, 17, 132)


def flow_fields(
    entry: Entry, initiated: bool | None, who: Who, *, hostname: str = "", still_open: bool = False, now: int = 0
) -> dict[str, Any]:
    """`now` (ns since 1970) is the end of a flow whose end the kernel does not tell."""
    ports = entry.protocol in _PORTED
    return {
        "SourceIp": address_text(entry.source),
        "SourcePort": int.from_bytes(entry.ports[:2]) if ports else None,
        "DestinationIp": address_text(entry.destination),
        "DestinationPort": int.from_bytes(entry.ports[2:]) if ports else None,
        "DestinationHostname": hostname,
        "Protocol": conntrack.PROTOCOLS.get(entry.protocol) or str(entry.protocol),
        "Initiated": None if initiated is None else "true" if initiated else "false",
        "PacketsOut": entry.packets_out,
        "PacketsIn": entry.packets_in,
        "BytesOut": entry.bytes_out,
        "BytesIn": entry.bytes_in,
        "StartTime": stamp(entry.start) if entry.start else None,
        "EndTime": None if still_open else stamp(entry.stop or now or time.time_ns()),
        "ConnectionState": connection_state(entry),
        "EndReason": end_reason(entry, still_open=still_open),
        **who.fields(),
    }


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
