"""Whose connection it is, from the kernel's records: the process that opened it, or the one that listens for it.

The route of an IPv4 TCP opening and of a UDP datagram is looked up in the process that asks for it, with both ports. A
TCP opening over IPv6 is looked up before its port is chosen, so it is recorded twice: SYN_SENT in the process that
asks, then its end with the port but in whatever context the answer came; the socket's address joins the two.
"""

import struct
from collections.abc import Callable
from typing import TypeVar

from collectors.sources.perf import Record
from collectors.sources.tracefs import Tracepoint
from collectors.sources.who import NOBODY, Processes, Who

REMEMBERED = 16_384
SYN_SENT, LISTEN = 2, 10
MAPPED = bytes(10) + b"\xff\xff"
TCP, UDP = 6, 17

Key = TypeVar("Key")
Value = TypeVar("Value")

_STATES = struct.Struct("=Qii").unpack_from  # skaddr, oldstate, newstate
_PORTS = struct.Struct("=HH").unpack_from
_NETWORK_PORTS = struct.Struct(">HH").pack


class Owners:
    """Who by connection, as it was when the connection began; keys are as in a conntrack tuple."""

    def __init__(self, processes: Processes | None = None) -> None:
        self._who = (processes or Processes()).who
        self.fed = False
        """Whether the kernel's records come."""
        self._asking: dict[int, tuple[Who, bytes, int]] = {}
        self._tcp: dict[bytes, Who] = {}
        self._udp: dict[bytes, Who] = {}
        self._listening: dict[int, Who] = {}

    def opener(self, protocol: int, source: bytes, destination: bytes, ports: bytes) -> Who:
        """Who opened it on this machine, if known. `ports` = both, 4 bytes in network order."""
        if protocol == UDP:
            return self._udp.get(destination + ports, NOBODY)
        if found := self._tcp.get(source + destination + ports):
            return found
        port = int.from_bytes(ports[2:])
        asking = {who for who, to, at in list(self._asking.values()) if at == port and to == destination}
        return asking.pop() if len(asking) == 1 else NOBODY

    def answerer(self, protocol: int, source: bytes, ports: bytes) -> Who:
        """Who on this machine was called by `source`, if known: it listens for TCP, or sent UDP back."""
        if protocol == UDP:
            return self._udp.get(source + ports[2:] + ports[:2], NOBODY)
        return self._listening.get(int.from_bytes(ports[2:]), NOBODY)

    def ended(self, source: bytes, destination: bytes, ports: bytes) -> None:
        """A TCP connection is over: nobody asks for it again."""
        self._tcp.pop(source + destination + ports, None)

    def listens(self, port: int, who: Who) -> None:
        """Something listens for TCP on `port` of this machine."""
        _keep(self._listening, port, who)

    def tcp_reader(self, point: Tracepoint) -> Callable[[Record], None]:
        """Takes in records of `sock/inet_sock_set_state`."""
        states, ports = point.offsets["skaddr"], point.offsets["sport"]
        source, destination = point.offsets["saddr_v6"], point.offsets["daddr_v6"]

        def take(record: Record) -> None:
            raw = record.raw
            socket, old, new = _STATES(raw, states)
            near, far = _PORTS(raw, ports)
            if new == LISTEN:
                _keep(self._listening, near, self._who(record.pid))
            elif new == SYN_SENT:
                to = plain(raw[destination : destination + 16])
                _keep(self._asking, socket, (self._who(record.pid), to, far))
            elif old == SYN_SENT and (asked := self._asking.pop(socket, None)) is not None:
                key = plain(raw[source : source + 16]) + asked[1] + _NETWORK_PORTS(near, far)
                _keep(self._tcp, key, asked[0])

        return take

    def route_reader(self, point: Tracepoint, size: int) -> Callable[[Record], None]:
        """Takes in records of `fib/fib_table_lookup` (`size` 4) and `fib6/fib6_table_lookup` (16)."""
        source, destination = point.offsets["src"], point.offsets["dst"]
        protocol, ports = point.offsets["proto"], point.offsets["sport"]

        def take(record: Record) -> None:
            raw = record.raw
            near, far = _PORTS(raw, ports)
            if not near or not far:
                return
            key = raw[destination : destination + size] + _NETWORK_PORTS(near, far)
            if raw[protocol] == TCP:
                _keep(self._tcp, raw[source : source + size] + key, self._who(record.pid))
            else:
                _keep(self._udp, key, self._who(record.pid))

        return take


def plain(address: bytes) -> bytes:
    """An IPv4 address that an IPv6 socket shows as ::ffff:a.b.c.d is an IPv4 address on the wire."""
    return address[12:] if address.startswith(MAPPED) else address


def _keep(memory: dict[Key, Value], key: Key, value: Value) -> None:
    memory[key] = value
    if len(memory) > REMEMBERED:
        del memory[next(iter(memory))]
