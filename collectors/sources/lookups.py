"""Host names: DNS questions with their answers as events, and names for flows from DNS answers and TLS openings.

One packet socket whose kernel filter lets only DNS over port 53 and TLS ClientHellos to port 443 through: other traffic
never wakes the agent. Names asked for by DNS over HTTPS and in QUIC openings are not seen.
"""

import select
import socket
import struct
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from collectors.flows.packet import RAW, TCP, UDP, Packet, decode
from collectors.sources.bpf import attach
from collectors.sources.client_hello import server_name
from collectors.sources.dns_answer import Answer, answer
from collectors.sources.feed import Feed
from collectors.sources.lookups_filter import DNS_AND_OPENINGS
from collectors.sources.names import Names
from collectors.sources.owners import Owners
from collectors.sources.who import Processes
from jikimi.domain.logsource import DNS_QUERY

TICK = 0.5
RECEIVE_BUFFER = 4 << 20
UNANSWERED = 5.0
"""Seconds after which a question is told without an answer."""
ASKED_AT_MOST = 8192
DNS, HTTPS = 53, 443
LOOK_FOR_LOSS = 10.0
WINDOWS_DNS_ERRORS = 9000
"""Sysmon's QueryStatus: 0, else 9000 + RCODE; RCODE 3 = 9003, no such name."""

_ETH_P_ALL = 3
_SOL_PACKET, _STATISTICS = 263, 6
_SO_RCVBUFFORCE = 33
_COUNTS = struct.Struct("=II")

Asked = tuple[bytes, bytes, int, bytes]
"""Client, server, client's port, DNS id."""


@dataclass
class Lookups:
    """Fills `names`; tells each DNS question once: when it is answered, or nobody answered in time."""

    names: Names
    owners: Owners
    processes: Processes
    name: str = field(default="names", init=False)
    _asked: dict[Asked, tuple[float, bytes]] = field(default_factory=dict, init=False)
    _taking: threading.Lock = field(default_factory=threading.Lock, init=False)

    def run(self, feed: Feed, stop: threading.Event) -> None:
        """Blocks until `stop`. Raises OSError when the network cannot be listened to any more."""
        try:
            packets = listen()
        except OSError as error:
            feed.running("none", f"packets cannot be seen ({error.strerror}): flows have no host names, no DNS events")
            stop.wait()
            return
        with closing(packets):
            feed.running("packet filter")
            self.names.catch_up = partial(self._take, packets, feed)
            try:
                self._watch(packets, feed, stop)
            finally:
                self._stop_catching_up()

    def _stop_catching_up(self) -> None:
        with self._taking:
            self.names.catch_up = lambda: None

    def _watch(self, packets: socket.socket, feed: Feed, stop: threading.Event) -> None:
        poll = select.poll()
        poll.register(packets.fileno(), select.POLLIN)
        looked_at, since = time.monotonic(), time.time()
        while not stop.is_set():
            if poll.poll(1000):
                stop.wait(TICK)
                self._take(packets, feed)
            with self._taking:
                self._tell_unanswered(feed)
            if time.monotonic() - looked_at >= LOOK_FOR_LOSS:
                looked_at = time.monotonic()
                if lost := _lost(packets):
                    feed.lost("packets with names came faster than they could be read", _moment(since), lost)
                since = time.time()

    def _take(self, packets: socket.socket, feed: Feed) -> None:
        """Everything that waits; from this source's thread, or another's that needs the names now."""
        with self._taking:
            if packets.fileno() < 0:
                return  # this source has ended meanwhile
            frames, now = list(iter(partial(_next, packets), None)), time.time()
            if frames:
                self.processes.catch_up()
            for frame in frames:
                found = decode(RAW, frame)
                if isinstance(found, Packet):
                    self.packet(found, frame, now, feed)

    def packet(self, packet: Packet, frame: bytes, now: float, feed: Feed) -> None:
        """Take in one packet; `frame` begins with its IP header."""
        payload = frame[packet.payload :]
        if packet.protocol == TCP and packet.destination_port == HTTPS:
            if name := server_name(payload):
                ports = struct.pack(">HH", packet.source_port, packet.destination_port)
                self.names.opened(packet.source, packet.destination, ports, name)
            return
        if packet.protocol == TCP:
            payload = payload[2:]  # the message's length comes first (RFC 1035, 4.2.2)
        if len(payload) < 12:
            return
        if packet.destination_port == DNS and not payload[2] & 0x80:
            self._asked[packet.source, packet.destination, packet.source_port, payload[:2]] = (now, payload)
            if len(self._asked) > ASKED_AT_MOST:
                self._tell_unanswered(feed, at_least=1)
        elif packet.source_port == DNS and (said := answer(payload)):
            for address in said.addresses:
                self.names.answered(address, said.name)
            key = (packet.destination, packet.source, packet.destination_port, payload[:2])
            if (asked := self._asked.pop(key, None)) is not None:
                self._tell(feed, key, asked[0], said, packet.protocol)

    def _tell_unanswered(self, feed: Feed, *, at_least: int = 0) -> None:
        latest = time.time() - UNANSWERED
        while self._asked:
            key, (at, message) = next(iter(self._asked.items()))
            if at > latest and at_least <= 0:
                return
            at_least -= 1
            del self._asked[key]
            as_answer = bytes((*message[:2], message[2] | 0x80, *message[3:]))
            if (nothing := answer(as_answer)) is not None:
                self._tell(feed, key, at, nothing._replace(code=-1), UDP)

    def _tell(self, feed: Feed, asked: Asked, at: float, said: Answer, protocol: int) -> None:
        client, server, port, _ = asked
        who = self.owners.opener(protocol, client, server, struct.pack(">HH", port, DNS))
        fields = {
            "QueryName": said.name,
            "QueryType": said.type,
            "QueryStatus": query_status(said.code),
            "QueryResults": ";".join(said.results) or None,
            "SourceIp": _text(client),
            "DestinationIp": _text(server),
            **who.fields(),
        }
        feed.emit(DNS_QUERY, fields, _moment(at))


def query_status(code: int) -> str:
    """-1 = nobody answered (Windows: ERROR_TIMEOUT)."""
    if code < 0:
        return "1460"
    return str(WINDOWS_DNS_ERRORS + code) if code else "0"


def listen() -> socket.socket:
    """What lies in the queue from before the filter is read like the rest. Raises OSError without CAP_NET_RAW."""
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, socket.htons(_ETH_P_ALL))
    try:
        attach(packets, DNS_AND_OPENINGS)
        packets.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER)
    except OSError:
        packets.close()
        raise
    return packets


def _next(packets: socket.socket) -> bytes | None:
    try:
        return packets.recv(65_536, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None


def _lost(packets: socket.socket) -> int:
    """Packets thrown away since the last call (packet(7), PACKET_STATISTICS)."""
    return int(_COUNTS.unpack(packets.getsockopt(_SOL_PACKET, _STATISTICS, _COUNTS.size))[1])


def _text(packed: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
