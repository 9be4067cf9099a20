"""Packets → flows, sans-I/O: give it packets in capture order, take finished flows out.

A flow is one conversation of two end points; its source is the side that opened it. It ends when both sides sent FIN,
by RST, by a SYN with another sequence number (the ports are used again), or after the silence stated in `Timeouts`;
stragglers up to `Timeouts.closed` later still belong to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from collectors.flows.fragments import PATIENCE as _FRAGMENT_PATIENCE
from collectors.flows.fragments import Fragments
from collectors.flows.packet import ACK, FIN, ICMP, ICMP6, RST, SYN, TCP, UDP, WITH_PORTS, Packet

NANOSECONDS = 1_000_000_000
_SWEEP_EVERY = 5 * NANOSECONDS

Key = tuple[bytes, bytes, int, int, int]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds of silence after which a flow has ended; the kernel's connection tracking uses the same."""

    opening: float = 120
    established: float = 3600
    closed: float = 5
    udp_unanswered: float = 30
    udp_answered: float = 120
    other: float = 30

    @classmethod
    def of(cls, seconds: float) -> "Timeouts":
        """The same silence for every flow that is not closed."""
        return cls(seconds, seconds, min(seconds, cls().closed), seconds, seconds, seconds)


@dataclass(slots=True)
class Flow:
    """Times in ns since 1970; `out` = sent by the source, which opened the flow. Bytes count from the IP header on."""

    source: bytes
    destination: bytes
    protocol: int
    source_port: int
    destination_port: int
    start: int
    end: int
    packets_out: int = 0
    packets_in: int = 0
    bytes_out: int = 0
    bytes_in: int = 0
    opened: bool = False
    """SYN seen (TCP)."""
    answered: bool = False
    """The other side agreed: SYN and ACK, or any packet where the opening was not seen or the protocol has none."""
    refused: bool = False
    """ICMP said that the destination cannot be reached."""
    fins: int = 0
    """Bit 1: the source sent FIN, bit 2: the destination."""
    reset: bool = False
    timed_out: bool = False
    replaced: bool = False
    """A new connection with the same addresses and ports began before this one was seen to end."""
    opening: int | None = None
    answering: int | None = None
    """Sequence numbers of the SYN of the source and of the destination."""
    vlans: tuple[int, ...] = ()
    """Of the first packet, the outermost first."""

    @property
    def has_ports(self) -> bool:
        return self.protocol in WITH_PORTS

    @property
    def closed(self) -> bool:
        return self.reset or self.fins == 3

    @property
    def connection_state(self) -> str:
        """`established`, `rejected` (RST or ICMP instead of an answer), `no_answer`, `reset` (cut after the answer)."""
        if not self.answered:
            return "rejected" if self.refused or self.reset else "no_answer"
        return "reset" if self.reset and not self.fins else "established"

    @property
    def end_reason(self) -> str:
        """`fin`, `rst`, `timeout`, `reused` (see `replaced`), or `open` when the capture ended first."""
        if self.fins == 3:
            return "fin"
        if self.reset:
            return "rst"
        if self.replaced:
            return "reused"
        return "timeout" if self.timed_out else "open"


class FlowTable:
    """At most `capacity` flows at a time: beyond it the longest silent tenth is ended early (counted in `evicted`)."""

    def __init__(self, timeouts: Timeouts | None = None, *, capacity: int = 200_000) -> None:
        self._timeouts = timeouts or Timeouts()
        self._shortest = min(getattr(self._timeouts, f.name) for f in fields(Timeouts)) * NANOSECONDS
        self._capacity = capacity
        self._flows: dict[Key, Flow] = {}
        self._fragments = Fragments()
        self._now = 0
        self._next_sweep = 0
        self.evicted = 0

    @property
    def unplaced_fragments(self) -> int:
        """Fragments counted without ports, because the first of them never came."""
        return self._fragments.unplaced

    def __len__(self) -> int:
        return len(self._flows)

    def knows(self, packet: Packet) -> bool:
        """Whether a flow of its addresses and ports is open."""
        return self._find(packet)[1] is not None

    def add(self, packet: Packet, time: int) -> list[Flow]:
        """Account one packet; the flows that ended by then. A time that runs backwards ends nothing early."""
        self._now = max(self._now, time)
        ended = self._sweep() if self._now >= self._next_sweep else []
        for whole, at in self._fragments.place(packet, time) if packet.fragment is not None else ((packet, time),):
            ended += self._account(whole, at)
        return ended

    def passed(self, time: int) -> list[Flow]:
        """The flows that silence until `time` has ended, where no packet comes to tell the time."""
        self._now = max(self._now, time)
        return self._sweep() if self._now >= self._next_sweep else []

    def _account(self, packet: Packet, time: int) -> list[Flow]:
        ended: list[Flow] = []
        key, flow = self._find(packet)
        if (
            flow is not None
            and (packet.flags & SYN or time - flow.end > self._shortest)
            and self._is_over(flow, packet, time)
        ):
            ended.append(self._flows.pop(key))
            flow = None
        if flow is None:
            flow = _new_flow(packet, time)
            self._flows[_key(flow)] = flow
        _add_packet(flow, packet, time)
        if len(self._flows) > self._capacity:
            ended.extend(self._evict())
        return ended

    def _is_over(self, flow: Flow, packet: Packet, time: int) -> bool:
        """Whether `flow` ended before `packet`, which then begins another. Said here and not by the next sweep, so that
        other traffic never decides where a flow ends."""
        if time - flow.end > self._patience(flow) * NANOSECONDS:
            flow.timed_out = True
            return True
        if packet.protocol != TCP or packet.flags & (SYN | ACK) != SYN:
            return False
        if flow.closed:
            return True
        began = flow.opening if packet.source == flow.source else flow.answering
        if began is None:  # its own SYN was not seen: the other's may have been, then both open at once
            flow.replaced = flow.opening is None and flow.answering is None
        else:
            flow.replaced = packet.sequence != began
        return flow.replaced

    def refuse(self, quoted: Packet) -> None:
        """An ICMP "destination unreachable" quoted this packet."""
        _, flow = self._find(quoted)
        if flow is not None:
            flow.refused = True

    def close(self) -> Iterator[Flow]:
        """Every flow still held, in order of their beginning."""
        for packet, time in self._fragments.orphans(self._now + _FRAGMENT_PATIENCE + 1):
            yield from self._account(packet, time)
        flows = sorted(self._flows.values(), key=lambda flow: flow.start)
        self._flows.clear()
        yield from flows

    def _find(self, packet: Packet) -> tuple[Key, Flow | None]:
        second = 0 if packet.protocol in (ICMP, ICMP6) else packet.destination_port
        first = packet.source_port
        key = (packet.source, packet.destination, packet.protocol, first, second)
        flow = self._flows.get(key)
        if flow is None:
            if packet.protocol in (ICMP, ICMP6):
                first, second = second, first
            back = (packet.destination, packet.source, packet.protocol, second, first)
            flow = self._flows.get(back)
            if flow is not None:
                return back, flow
        return key, flow

    def _patience(self, flow: Flow) -> float:
        limits = self._timeouts
        if flow.closed:
            return limits.closed
        if flow.protocol == TCP:
            return limits.established if flow.answered else limits.opening
        if flow.protocol == UDP:
            return limits.udp_answered if flow.answered else limits.udp_unanswered
        return limits.other

    def _sweep(self) -> list[Flow]:
        self._next_sweep = self._now + _SWEEP_EVERY
        late = [key for key, flow in self._flows.items() if self._now - flow.end > self._patience(flow) * NANOSECONDS]
        ended = [self._flows.pop(key) for key in late]
        for flow in ended:
            flow.timed_out = True
        for packet, time in self._fragments.orphans(self._now):
            ended += self._account(packet, time)
        return ended

    def _evict(self) -> list[Flow]:
        silent = sorted(self._flows, key=lambda key: self._flows[key].end)[: max(1, self._capacity // 10)]
        ended = [self._flows.pop(key) for key in silent]
        self.evicted += len(ended)
        for flow in ended:
            flow.timed_out = True
        return ended


def _key(flow: Flow) -> Key:
    return (flow.source, flow.destination, flow.protocol, flow.source_port, flow.destination_port)


def _new_flow(packet: Packet, time: int) -> Flow:
    source, destination, protocol, first, second = packet[:5]
    turned = protocol == TCP and _is_answer(packet.flags, first, second)
    if protocol in (ICMP, ICMP6):
        turned, second = second >> 8 in (0, 129) and first != 0, 0
    elif turned:
        first, second = second, first
    if turned:
        source, destination = destination, source
    return Flow(source, destination, protocol, first, second, time, time, vlans=packet.vlans)


def _is_answer(flags: int, source_port: int, destination_port: int) -> bool:
    """The first packet seen came from the side that was called: SYN and ACK, or, where the opening was not seen,
    from a server's port to a client's."""
    if flags & SYN:
        return bool(flags & ACK)
    return _rank(source_port) < _rank(destination_port)


def _rank(port: int) -> int:
    """0 well-known, 1 registered (RFC 6335, section 6), 2 those that systems give to clients (Linux from 32768 on)."""
    return 0 if port < 1024 else 1 if port < 32768 else 2


def _add_packet(flow: Flow, packet: Packet, time: int) -> None:
    outward = packet.source == flow.source and (
        packet.source != packet.destination
        or packet.source_port == flow.source_port
        or packet.protocol in (ICMP, ICMP6)
    )
    if outward:
        flow.packets_out += 1
        flow.bytes_out += packet.length
    else:
        flow.packets_in += 1
        flow.bytes_in += packet.length
    flow.start, flow.end = min(flow.start, time), max(flow.end, time)
    if flow.protocol != TCP:
        flow.answered = flow.answered or not outward
        return
    flags = packet.flags
    if flags & SYN and not flags & ACK:
        flow.opened = True
    if flags & SYN and outward:
        flow.opening = packet.sequence
    elif flags & SYN:
        flow.answering = packet.sequence
    if not outward and not flags & RST:
        flow.answered = flow.answered or bool(flags & SYN) or not flow.opened
    if flags & RST:
        flow.reset = True
    elif flags & FIN:
        flow.fins |= 1 if outward else 2
