"""Connections from successive lists of a machine's TCP sockets, on every system. Pure: list and time are arguments."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from collectors.sources.who import NOBODY, Who
from jikimi.domain.event import format_time

SYN_SENT, TIME_WAIT, LISTEN = 2, 6, 10
"""Linux's numbers (<net/tcp_states.h>); other systems' states are turned into them."""
LONG = 60.0
REFUSED_WITHIN = 1.5
"""Seconds: an opening that ends sooner was refused, one that ends later got no answer."""


class Sock(NamedTuple):
    """One socket; addresses as text, counters from this machine's side (0 when the kernel tells none)."""

    family: int
    state: int
    local: str
    local_port: int
    remote: str
    remote_port: int
    uid: int
    inode: int
    cookie: bytes
    packets_out: int = 0
    bytes_out: int = 0
    packets_in: int = 0
    bytes_in: int = 0

    @property
    def pair(self) -> tuple[str, int, str, int]:
        return self.local, self.local_port, self.remote, self.remote_port


class Pair(NamedTuple):
    """Who opened it first, then to whom."""

    source: str
    source_port: int
    destination: str
    destination_port: int


@dataclass
class Connection:
    sock: Sock
    initiated: bool
    since: float | None
    who: Who = NOBODY
    over: bool = False
    told: bool = False
    told_open: bool = False


class SocketWatch:
    """What changed between two lists of sockets. Pure: the list and the time are arguments."""

    def __init__(self) -> None:
        self._known: dict[Pair, Connection] | None = None

    def look(self, now: float, found: Iterable[Sock], who: Callable[[Sock], Who]) -> list[tuple[Pair, Connection]]:
        """Connections that ended since the last list, and those open for `LONG` seconds (`over` tells which)."""
        present = _pairs(list(found))
        first, known = self._known is None, self._known or {}
        ready = [(pair, gone) for pair, gone in known.items() if pair not in present and not gone.told]
        after: dict[Pair, Connection] = {}
        for pair, (sock, initiated) in present.items():
            connection = known.get(pair)
            if connection is not None and connection.told and sock.state != TIME_WAIT:
                connection = None  # the ports were used again
            if connection is None:
                connection = Connection(sock, initiated, None if first else now, who(sock), told=first and _over(sock))
            _refresh(connection, sock)
            after[pair] = connection
            if _over(sock) and not connection.told:
                ready.append((pair, connection))
            elif connection.since and now - connection.since >= LONG and not connection.told_open and not _over(sock):
                connection.told_open = True
                ready.append((pair, connection))
        for pair, connection in ready:
            connection.over = pair not in present or _over(connection.sock)
            connection.told = connection.over
        self._known = after
        return ready


def _over(sock: Sock) -> bool:
    return sock.state == TIME_WAIT


def _refresh(connection: Connection, sock: Sock) -> None:
    """Take the newer state; TIME_WAIT has forgotten the counters."""
    kept = connection.sock
    if sock.packets_out or sock.packets_in:
        connection.sock = sock
    else:
        connection.sock = kept._replace(state=sock.state)


def _pairs(found: list[Sock]) -> dict[Pair, tuple[Sock, bool]]:
    """Connections by who opened them; one within this machine has two sockets, of which the opener's counts."""
    listening = {sock.local_port for sock in found if sock.state == LISTEN}
    pairs: dict[Pair, tuple[Sock, bool]] = {}
    for sock in found:
        if sock.state == LISTEN or not sock.remote_port:
            continue
        initiated = sock.local_port not in listening
        pair = Pair(*sock.pair) if initiated else Pair(sock.remote, sock.remote_port, sock.local, sock.local_port)
        if initiated or pair not in pairs:
            pairs[pair] = (sock, initiated)
    return pairs


def flow_fields(pair: Pair, connection: Connection, now: float) -> dict[str, Any]:
    """The event of a polled connection (rules/README.md, `network_flow`); counts are absent where never seen."""
    sock = connection.sock
    out, back = (sock.packets_out, sock.bytes_out), (sock.packets_in, sock.bytes_in)
    if not connection.initiated:
        out, back = back, out
    counted = any((*out, *back))
    state = "established"
    if sock.state == SYN_SENT:
        state = "rejected" if now - (connection.since or 0) < REFUSED_WITHIN else "no_answer"
    return {
        "SourceIp": pair.source,
        "SourcePort": pair.source_port,
        "DestinationIp": pair.destination,
        "DestinationPort": pair.destination_port,
        "Protocol": "tcp",
        "Initiated": str(connection.initiated).lower(),
        "PacketsOut": out[0] if counted else None,
        "PacketsIn": back[0] if counted else None,
        "BytesOut": out[1] if counted else None,
        "BytesIn": back[1] if counted else None,
        "StartTime": _time(connection.since) if connection.since else None,
        "EndTime": _time(now) if connection.over else None,
        "ConnectionState": state,
        "EndReason": _end_reason(connection, state),
        **connection.who.fields(),
    }


def _end_reason(connection: Connection, state: str) -> str:
    if not connection.over:
        return "open"
    if state == "rejected":
        return "rst"
    return "timeout" if state == "no_answer" else "fin"


def _time(seconds: float) -> str:
    return format_time(datetime.fromtimestamp(seconds, UTC))
