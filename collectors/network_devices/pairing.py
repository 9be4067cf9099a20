"""Exporters tell of each direction of a conversation alone; events tell of both. Without I/O: records and the time in,
conversations out.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

from collectors.flows.packet import ACK, FIN, ICMP, ICMP6, RST, SYN, TCP
from collectors.flows.table import Flow
from collectors.network_devices.elements import Record

WAIT = 5.0
"""Seconds that a direction waits for the other; most exporters send both in one datagram."""

MOST = 50_000

_IDLE, _ACTIVE = 1, 2


class Told(NamedTuple):
    """A conversation, who told of it, what it says it did with it (`action`), and how it sampled (Record)."""

    exporter: str
    flow: Flow
    action: str
    sampling: int


_Key = tuple[str, bytes, bytes, int, int, int]


class Pairing:
    """Bounded: beyond MOST the longest waiting direction is told alone, as after WAIT."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[_Key, tuple[Record, float]] = OrderedDict()

    def add(self, exporter: str, record: Record, now: float) -> Iterator[Told]:
        """The conversations complete by now; `now` in seconds of any steady clock."""
        yield from self.late(now)
        if record.reverse_packets:
            yield _told(exporter, record, None)
            return
        key = _key(exporter, record)
        other = self._waiting.pop(_turned(key), None)
        if other is not None and key != _turned(key):
            yield _told(exporter, *_in_order(other[0], record))
            return
        if key in self._waiting:  # the same direction again: the next part of a long flow
            yield _told(exporter, self._waiting.pop(key)[0], None)
        self._waiting[key] = (record, now)
        if len(self._waiting) > MOST:
            (longest, *_), (waited, _) = self._waiting.popitem(last=False)
            yield _told(longest, waited, None)

    def late(self, now: float) -> Iterator[Told]:
        """What has waited in vain."""
        while self._waiting:
            (exporter, *_), (record, since) = next(iter(self._waiting.items()))
            if now - since < WAIT:
                return
            self._waiting.popitem(last=False)
            yield _told(exporter, record, None)


def _key(exporter: str, record: Record) -> _Key:
    ports = (0, 0) if record.protocol in (ICMP, ICMP6) else (record.source_port, record.destination_port)
    return (exporter, record.source, record.destination, record.protocol, *ports)


def _turned(key: _Key) -> _Key:
    exporter, source, destination, protocol, first, second = key
    return (exporter, destination, source, protocol, second, first)


def _in_order(one: Record, two: Record) -> tuple[Record, Record]:
    """The opener's first: it began earlier; at the same time, the side whose port is a client's."""
    if one.start != two.start:
        return (one, two) if one.start < two.start else (two, one)
    return (two, one) if _is_answer(one) else (one, two)


def _is_answer(record: Record) -> bool:
    return record.source_port < 1024 <= record.destination_port


def _told(exporter: str, out: Record, back: Record | None) -> Told:
    action = out.action or (back.action if back else "")
    return Told(exporter, _flow(out, back), action, out.sampling)


def _flow(out: Record, back: Record | None) -> Flow:
    """A direction that came alone is the answer's when it comes from a server's port."""
    ports = (out.source_port, out.destination_port)
    if back is None and not out.reverse_packets and _is_answer(out):
        flow = Flow(out.destination, out.source, out.protocol, *ports[::-1], out.start, out.end)
        flow.packets_in, flow.bytes_in = out.packets, out.bytes
        return _judged(flow, 0, out.flags, out.end_reason)
    ports = (0, 0) if out.protocol in (ICMP, ICMP6) else ports
    flow = Flow(out.source, out.destination, out.protocol, *ports, out.start, out.end)
    flow.packets_out, flow.bytes_out = out.packets, out.bytes
    flow.packets_in, flow.bytes_in, back_flags = out.reverse_packets, out.reverse_bytes, out.reverse_flags
    if back is not None:
        flow.start, flow.end = min(out.start, back.start), max(out.end, back.end)
        flow.packets_in, flow.bytes_in, back_flags = back.packets, back.bytes, back.flags
    return _judged(flow, out.flags, back_flags, out.end_reason)


def _judged(flow: Flow, out: int, back: int, end_reason: int) -> Flow:
    """How it went, from the flags that either side ever sent; where there are none, whether both sent anything."""
    flow.timed_out = end_reason != _ACTIVE
    if flow.protocol != TCP or not out | back:
        flow.answered = flow.packets_in > 0
        return flow
    flow.opened = bool(out & SYN)
    flow.reset = bool((out | back) & RST)
    flow.fins = (1 if out & FIN else 0) | (2 if back & FIN else 0)
    flow.answered = bool(back & SYN) or (out & (SYN | ACK) == SYN | ACK) or bool(back and not back & RST)
    return flow
