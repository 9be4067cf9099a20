"""Flows of an office, as the agent's collector tells them."""

from collections.abc import Iterator
from random import Random

from bench.lanes.values import inside, moments, outside
from jikimi.domain.event import Event

_PROGRAMS = ("/usr/sbin/nginx", "/usr/bin/curl", "/usr/lib/firefox/firefox", "/usr/sbin/sshd", "/usr/bin/python3.11")


def network_flows(random: Random) -> Iterator[Event]:
    """Three of four have a known process."""
    for moment in moments(random):
        event: Event = {
            "@timestamp": moment,
            "SourceIp": inside(random),
            "SourcePort": random.randrange(32768, 61000),
            "DestinationIp": outside(random),
            "DestinationPort": random.choice((443, 443, 80, 53, 123, 25)),
            "Protocol": random.choice(("tcp", "tcp", "udp")),
            "Initiated": random.choice(("true", "false")),
            "PacketsOut": random.randrange(1, 90),
            "PacketsIn": random.randrange(1, 90),
            "BytesOut": random.randrange(60, 90_000),
            "BytesIn": random.randrange(60, 900_000),
            "StartTime": moment,
            "EndTime": moment,
            "ConnectionState": "established",
            "EndReason": random.choice(("fin", "rst", "timeout")),
        }
        if random.randrange(4):
            event |= {"Image": random.choice(_PROGRAMS), "ProcessId": random.randrange(2, 40_000), "User": "www-data"}
        yield event
