"""Network flows: with CAP_NET_ADMIN from the kernel's connection tracking, else from the list of TCP sockets.

A flow is told once, when it ends: TCP at its last FIN or RST (not minutes later, when the kernel forgets it), others
when the kernel gives them up. A TCP opening that nobody answers is told after `NO_ANSWER` seconds as `no_answer`; one
that lasts longer than `LONG` seconds is told once more in between, with `EndReason: open` and the counts so far.
`@timestamp` is the moment of telling. The agent's own connections to the centre are left out and counted in
`own`: each upload would otherwise be the next upload's content.
"""

import select
import threading
import time
from collections import OrderedDict
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from collectors.sources import conntrack, sockets
from collectors.sources.addresses import Addresses
from collectors.sources.conntrack import Entry
from collectors.sources.feed import Feed
from collectors.sources.memory import Memory
from collectors.sources.netlink import NETFILTER, SOCK_DIAG, Message, Netlink, lost_events
from collectors.sources.polled import Polled
from collectors.sources.sockets import Inodes, Sock
from collectors.sources.who import NOBODY, Processes, Who
from jikimi.domain.event import format_time
from jikimi.domain.logsource import NETWORK_FLOW

NO_ANSWER = 10.0
LONG = 60.0
SWEEP = 10.0
REMEMBERED = 65_536
TICK_MS = 500
NANOSECONDS = 1_000_000_000
POLLING = "TCP only, short connections that the other side closed may be missed, byte counts are estimates"
BARE_TCP = {"4": 40, "6": 60}
"""Bytes of a TCP segment without options: a refusal. An answer to an opening carries at least its MSS."""


@dataclass
class Flows:
    """`centre` are the (address, port) pairs of the centre."""

    memory: Memory
    centre: frozenset[tuple[str, int]] = frozenset()
    processes: Processes = field(default_factory=Processes)
    name: str = "flows"
    poll_only: bool = False
    own: int = field(default=0, init=False)

    def run(self, feed: Feed, stop: threading.Event) -> None:
        """Blocks until `stop`. Raises OSError when the kernel tells of no sockets at all."""
        before = self.memory.load().get("until")
        if isinstance(before, int | float):
            feed.blind("the agent was not running", datetime.fromtimestamp(before, UTC))
        with ExitStack() as stack:
            why = "polling was asked for"
            if not self.poll_only:
                try:
                    owner = stack.enter_context(conntrack.wake())
                    events = stack.enter_context(conntrack.listen())
                    table = stack.enter_context(Netlink(NETFILTER))
                    diag = stack.enter_context(Netlink(SOCK_DIAG))
                    feed.running("conntrack", conntrack.switch_on())
                    _Tracked(self, feed, events, table, diag).run(stop)
                    del owner
                    return
                except PermissionError:
                    why = "no right to the kernel's connection tracking"
                except OSError as error:
                    if feed.state != "starting":
                        raise
                    why = f"the kernel's connection tracking cannot be had ({error.strerror})"
            feed.running("sock_diag", f"{why}: {POLLING}")
            diag = stack.enter_context(Netlink(SOCK_DIAG))
            Polled(diag, self.processes, lambda fields: self.tell(feed, fields)).run(stop, self.memory)

    def tell(self, feed: Feed, fields: dict[str, Any]) -> None:
        """Hand a flow in, unless it is our own talk with the centre."""
        if (fields["DestinationIp"], fields["DestinationPort"]) in self.centre:
            self.own += 1
            return
        feed.emit(NETWORK_FLOW, fields)


class _Tracked:
    """One run on connection tracking."""

    def __init__(self, source: Flows, feed: Feed, events: Netlink, table: Netlink, diag: Netlink) -> None:
        self._source = source
        self._feed = feed
        self._events = events
        self._table = table
        self._diag = diag
        self._addresses = Addresses()
        self._inodes = Inodes()
        self._done: OrderedDict[int, None] = OrderedDict()
        self._told_open: OrderedDict[int, None] = OrderedDict()
        self._owners: OrderedDict[int, Sock] = OrderedDict()
        self._swept_at = time.monotonic()
        self._heard_at = time.time()
        self._started = time.time()

    def run(self, stop: threading.Event) -> None:
        for entry in conntrack.now(self._table):
            if entry.over:
                _keep(self._done, entry.id)  # ended before we came
        poll = select.poll()
        poll.register(self._events.fileno(), select.POLLIN)
        while not stop.is_set():
            poll.poll(TICK_MS)
            self._hear()
            if time.monotonic() - self._swept_at >= SWEEP:
                self._sweep()
        self._hear()
        self._save()

    def _hear(self) -> None:
        since, self._heard_at = self._heard_at, time.time()
        try:
            while events := self._events.events():
                for event in events:
                    self._take(event)
        except OSError as error:
            if not lost_events(error):
                raise
            self._feed.lost("the kernel's flow event buffer ran over", datetime.fromtimestamp(since, UTC))
            self._sweep()

    def _take(self, event: Message) -> None:
        if conntrack.ended(event):
            if (entry := conntrack.entry(event.body)) is not None:
                self._end(entry)
            return
        state = conntrack.tcp_state(event.body)
        if state not in (conntrack.TIME_WAIT, conntrack.CLOSE, conntrack.SYN_SENT) and event.flags == 0:
            return
        entry = conntrack.entry(event.body)
        if entry is None:
            return
        if entry.over:
            for current in conntrack.now(self._table, entry):
                self._tell(current)
        elif event.flags:
            self._own(entry)

    def _end(self, entry: Entry) -> None:
        self._tell(entry)
        for memory in (self._done, self._told_open, self._owners):
            memory.pop(entry.id, None)

    def _tell(self, entry: Entry, *, still_open: bool = False) -> None:
        if entry.id in self._done:
            return
        if still_open:
            _keep(self._told_open, entry.id)
        else:
            _keep(self._done, entry.id)
        self._source.tell(
            self._feed, flow_fields(entry, self._initiated(entry), self._who(entry), still_open=still_open)
        )

    def _sweep(self) -> None:
        """Look at the whole table: what was missed, what nobody answers, what lasts long."""
        self._swept_at = time.monotonic()
        now = time.time()
        for entry in conntrack.now(self._table):
            age = now - entry.start / NANOSECONDS if entry.start else now - self._started
            if entry.over:
                self._tell(entry)
            elif entry.state == conntrack.SYN_SENT and entry.protocol == conntrack.TCP:
                if age >= NO_ANSWER:
                    self._tell(entry)
            elif age >= LONG and entry.id not in self._told_open:
                self._tell(entry, still_open=True)
        self._save()

    def _initiated(self, entry: Entry) -> bool | None:
        if self._addresses.local(entry.source):
            return True
        return False if self._addresses.local(entry.destination) else None

    def _own(self, entry: Entry) -> None:
        """Ask at once whose socket it is: later the process may be gone."""
        if entry.protocol not in (sockets.TCP, sockets.UDP):
            return
        initiated = self._initiated(entry)
        if initiated is None:
            return
        near, far = (entry.source, entry.source_port), (entry.destination, entry.destination_port)
        local, remote = (near, far) if initiated else (far, near)
        if (sock := sockets.owner_of(self._diag, entry.protocol, local, remote)) is not None:
            self._inodes.pid(sock.inode)
            _keep(self._owners, entry.id, sock)

    def _who(self, entry: Entry) -> Who:
        sock = self._owners.get(entry.id)
        return sockets.owner(sock, self._inodes, self._source.processes) if sock else NOBODY

    def _save(self) -> None:
        self._source.memory.save({"until": time.time()})


def flow_fields(entry: Entry, initiated: bool | None, who: Who, *, still_open: bool = False) -> dict[str, Any]:
    """The event of a tracked flow (rules/README.md, `network_flow`)."""
    protocol = conntrack.PROTOCOLS.get(entry.protocol, str(entry.protocol))
    ports = entry.protocol in (sockets.TCP, sockets.UDP)
    return {
        "SourceIp": entry.source,
        "SourcePort": entry.source_port if ports else None,
        "DestinationIp": entry.destination,
        "DestinationPort": entry.destination_port if ports else None,
        "Protocol": protocol,
        "Initiated": None if initiated is None else str(initiated).lower(),
        "PacketsOut": entry.packets_out,
        "PacketsIn": entry.packets_in,
        "BytesOut": entry.bytes_out,
        "BytesIn": entry.bytes_in,
        "StartTime": _time(entry.start),
        "EndTime": None if still_open else _time(entry.stop or time.time_ns()),
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
    bare = BARE_TCP["6" if ":" in entry.source else "4"]
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


def _time(nanoseconds: int) -> str | None:
    return format_time(datetime.fromtimestamp(nanoseconds / NANOSECONDS, UTC)) if nanoseconds else None


def _keep(memory: OrderedDict[int, Any], key: int, value: object = None) -> None:
    memory[key] = value
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
