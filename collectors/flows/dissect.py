"""A capture as its flows and DNS queries: what `jikimi flows` prints and what rules are run over."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from collectors.flows.capture import frames
from collectors.flows.dns import question
from collectors.flows.packet import ICMP, ICMP6, UDP, Packet, Undecoded, decode, embedded
from collectors.flows.rare_links import RareLinks
from collectors.flows.table import Flow, FlowTable
from collectors.flows.window import Damage, Readable


class Query(NamedTuple):
    """A DNS question and the packet that asked it, at `time` ns since 1970."""

    packet: Packet
    time: int
    name: str
    type: str


@dataclass(slots=True)
class Seen:
    """What became of the packets of one or several captures."""

    packets: int = 0
    not_ip: int = 0
    undecoded: Counter[str] = field(default_factory=Counter)
    """By reason in words."""


def dissect(
    stream: Readable, table: FlowTable, seen: Seen, damage: Damage, rare: RareLinks | None = None
) -> Iterator[Flow | Query]:
    """Flows as they end and DNS queries as they are asked; what `table` still holds then goes on in the next capture.

    `damage` is told of each place that could not be read; `rare` reads link types that are not ours.
    """
    for time, link, data, size in frames(stream, damage):
        packet = decode(link, data, size)
        if packet is Undecoded.UNKNOWN_LINK and rare is not None:
            packet = rare.decode(link, data)
        seen.packets += 1
        if isinstance(packet, Undecoded):
            if packet is Undecoded.NOT_IP:
                seen.not_ip += 1
            else:
                seen.undecoded[f"{packet.value} (link type {link})"] += 1
            continue
        yield from table.add(packet, time)
        if packet.protocol in (ICMP, ICMP6):
            if packet.first and (quoted := embedded(packet, data)) is not None:
                table.refuse(quoted)
        elif packet.protocol == UDP and packet.destination_port == 53 and packet.first:
            asked = question(data[packet.payload :])
            if asked is not None:
                yield Query(packet, time, *asked)
