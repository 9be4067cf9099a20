"""Flows from the kernel's connection tracking, told when they are over; looked for when they are not.

The kernel tells the end of each flow once and nothing else (conntrack.ONLY_OVER). Openings that nobody answers are
asked for every few seconds, flows that last long once a minute: that costs nothing a flow.
"""

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import UTC, datetime

from collectors.sources import conntrack, conntrack_wake, segments, sockets
from collectors.sources.addresses import Addresses
from collectors.sources.conntrack import Entry, Reader, address_text
from collectors.sources.feed import Feed
from collectors.sources.flow_event import NANOSECONDS, FlowEvent, flow_event, stamp
from collectors.sources.names import Names
from collectors.sources.netlink import NETFILTER, SOCK_DIAG, Netlink, lost_events
from collectors.sources.offload import cut_by_the_kernel
from collectors.sources.over import Over
from collectors.sources.owners import Owners
from collectors.sources.segments import Segments
from collectors.sources.socket_watch import LISTEN
from collectors.sources.sockets import Inodes
from collectors.sources.who import NOBODY, Processes, Who

NO_ANSWER, LOOK_FOR_UNANSWERED = 10.0, 10.0
LONG, LOOK_FOR_LONG = 60.0, 60.0
SHARE = 0.0005
"""Of a core, for each of the two looks: the longer the table, the less often it is looked through ..."""
LONGER = 60.0
"""... by at most so many seconds."""
TICK = 2.0
SAVE_AFTER = 10.0
REMEMBERED = 65_536
RAN_OVER = "the kernel's flow event buffer ran over"
UNCUT = "the kernel had no room for what sockets counted: of some flows bulk is counted before it was cut into packets"
PORTS_AGAIN = "flows whose ports were used again before they could be counted"
LIFETIMES = {
    conntrack.TIME_WAIT: "nf_conntrack_tcp_timeout_time_wait",
    conntrack.CLOSE: "nf_conntrack_tcp_timeout_close",
}


class _Look:
    """Something to be done every `every` seconds, less often when it takes long."""

    def __init__(self, look: Callable[[], None], every: float) -> None:
        self._look = look
        self._every = every
        self._due_at = time.monotonic() + every

    def when_due(self) -> None:
        if time.monotonic() < self._due_at:
            return
        before = time.thread_time()
        self._look()
        rest = (time.thread_time() - before) / SHARE
        self._due_at = time.monotonic() + min(max(self._every, rest), self._every + LONGER)


class Tracked:
    """One run."""

    def __init__(
        self, feed: Feed, tell: Callable[[FlowEvent], None], processes: Processes, owners: Owners, names: Names
    ) -> None:
        """Raises OSError: PermissionError without CAP_NET_ADMIN."""
        self._feed = feed
        self._tell_event = tell
        self._processes = processes
        self._owners = owners
        self._names = names
        self._reader = Reader()
        self._addresses = Addresses()
        self._inodes = Inodes()
        self._over = Over()
        self._segments = Segments(cut_by_the_kernel())
        self._gone: Netlink | None = None
        self._told_unanswered: dict[int, None] = {}
        self._told_open: dict[int, None] = {}
        self._now = ""
        """The time of this round as events state it."""
        self._heard_at = time.time()
        self._thrown_away: int | None = 0
        with ExitStack() as opened:
            opened.enter_context(conntrack_wake.wake())
            self._events = opened.enter_context(conntrack.listen())
            self._table = opened.enter_context(Netlink(NETFILTER))
            self._diag = opened.enter_context(Netlink(SOCK_DIAG))
            if self._segments.needed:
                self._gone = opened.enter_context(segments.listen())
            self._opened = opened.pop_all()

    def run(self, stop: threading.Event, save: Callable[[], None], beside: Callable[[], None] = lambda: None) -> None:
        """Blocks until `stop`, calling `beside` at each look. Raises OSError when the kernel breaks off."""
        self._learn_listeners()
        unanswered = _Look(self._look_for_unanswered, LOOK_FOR_UNANSWERED)
        long = _Look(self._look_for_long, LOOK_FOR_LONG)
        saved_at = time.monotonic()
        while not stop.wait(TICK):
            self._hear()
            beside()
            unanswered.when_due()
            long.when_due()
            if time.monotonic() - saved_at >= SAVE_AFTER:
                saved_at = time.monotonic()
                save()
        self._hear()
        save()

    def close(self) -> None:
        self._opened.close()

    def _hear(self) -> None:
        since, self._heard_at = self._heard_at, time.time()
        ended: list[Entry] = []
        lost = False
        while True:
            try:
                messages = self._events.events()
            except OSError as error:
                if not lost_events(error):
                    raise
                if lost:
                    break
                lost = True
                continue  # what came before it waits still: until it is read the kernel throws all else away
            if not messages:
                break
            for message in messages:
                if message.kind != conntrack.DELETE:
                    self._over.closed(conntrack.question(message.body))
                elif (entry := self._reader.entry(message.body)) is not None and (
                    not entry.told_before or self._over.forgotten(conntrack.question(message.body), entry)
                ):
                    ended.append(entry)
        self._now = stamp(time.time_ns())
        if ended or self._over.waiting:
            self._processes.catch_up()
            self._names.catch_up()
            self._read_segments()
            self._end(ended)
            self._tell_counted()
        if missed := self._over.give_up():
            self._feed.lost(PORTS_AGAIN, datetime.fromtimestamp(since, UTC), missed)
        if lost:
            self._recover(since)

    def _tell_counted(self) -> None:
        answers = conntrack.counted(self._table, self._reader, list(self._over.waiting))
        self._tell_over(
            entry
            for question, entry in answers
            if not self._socket_awaited(question, entry) and self._over.answered(question, entry)
        )

    def _socket_awaited(self, question: bytes, entry: Entry) -> bool:
        """For one more round: a socket's end may be told a moment after the flow's."""
        return self._segments.awaited(entry) and time.monotonic() - self._over.waiting[question] < TICK

    def _read_segments(self) -> None:
        if self._gone is None:
            return
        try:
            while messages := self._gone.events():
                for message in messages:
                    self._segments.gone(message.body)
        except OSError as error:
            if not lost_events(error):
                raise
            self._feed.health("heartbeat", UNCUT)

    def _end(self, ended: Iterable[Entry]) -> None:
        for entry in ended:
            self._told_open.pop(entry.id, None)
            if self._told_unanswered.pop(entry.id, 0) is None and entry.state == conntrack.SYN_SENT:
                continue
            self._tell(entry)

    def _tell_over(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._told_open.pop(entry.id, None)
            self._told_unanswered.pop(entry.id, None)
            self._tell(entry)
            self._owners.ended(entry.source, entry.destination, entry.ports)

    def _recover(self, since: float) -> None:
        """The kernel's buffer ran over: tell what the table still holds of that time, and say how many are lost."""
        self._processes.catch_up()
        lifetimes = {state: conntrack_lifetime(name) for state, name in LIFETIMES.items()}
        age = time.time() - since + 1
        recent = (e for e in conntrack.now(self._table, self._reader) if e.over and lifetimes[e.state] - e.left <= age)
        found = [entry for entry in recent if self._over.is_news(entry)]
        self._tell_over(found)
        before, self._thrown_away = self._thrown_away, self._events.thrown_away()
        unknown = before is None or self._thrown_away is None
        lost = None if unknown else max((self._thrown_away or 0) - (before or 0) - len(found), 0)
        if lost == 0:
            self._feed.health("heartbeat", f"{RAN_OVER}; the flows it lost were all found in the kernel's table")
        else:
            self._feed.lost(RAN_OVER, datetime.fromtimestamp(since, UTC), lost)

    def _look_for_unanswered(self) -> None:
        latest = (time.time() - NO_ANSWER) * NANOSECONDS
        self._now = stamp(time.time_ns())
        for entry in conntrack.now(self._table, self._reader, unanswered=True):
            waits = entry.protocol == conntrack.TCP and entry.state == conntrack.SYN_SENT
            if waits and 0 < entry.start <= latest and entry.id not in self._told_unanswered:
                _keep(self._told_unanswered, entry.id)
                self._tell(entry, alive=True)

    def _look_for_long(self) -> None:
        latest = (time.time() - LONG) * NANOSECONDS
        self._now = stamp(time.time_ns())
        for entry in conntrack.still_open(self._table, self._reader):
            told = entry.id in self._told_open or entry.id in self._told_unanswered
            if not told and 0 < entry.start <= latest:
                _keep(self._told_open, entry.id)
                self._tell(entry, alive=True, still_open=True)

    def _tell(self, entry: Entry, *, alive: bool = False, still_open: bool = False) -> None:
        source, destination = address_text(entry.source), address_text(entry.destination)
        initiated = True if self._addresses.local(source) else False if self._addresses.local(destination) else None
        who = self._who(entry, initiated, alive=alive)
        entry = self._segments.corrected(entry)
        name = self._names.of(entry.source, entry.destination, entry.ports)
        self._tell_event(flow_event(entry, initiated, who, self._now, hostname=name, still_open=still_open))

    def _who(self, entry: Entry, initiated: bool | None, *, alive: bool) -> Who:
        """As recorded; of a socket that still exists it can be asked."""
        if entry.protocol not in (sockets.TCP, sockets.UDP) or initiated is None:
            return NOBODY
        if initiated:
            who = self._owners.opener(entry.protocol, entry.source, entry.destination, entry.ports)
        else:
            who = self._owners.answerer(entry.protocol, entry.source, entry.ports)
        if who.pid or not alive:
            return who
        near = (address_text(entry.source), int.from_bytes(entry.ports[:2]))
        far = (address_text(entry.destination), int.from_bytes(entry.ports[2:]))
        sock = sockets.owner_of(self._diag, entry.protocol, *((near, far) if initiated else (far, near)))
        return sockets.owner(sock, self._inodes, self._processes) if sock else NOBODY

    def _learn_listeners(self) -> None:
        """Who listens already: the kernel records only those who begin."""
        for sock in sockets.tcp_sockets(self._diag):
            if sock.state == LISTEN and (who := sockets.owner(sock, self._inodes, self._processes)).pid:
                self._owners.listens(sock.local_port, who)


def conntrack_lifetime(name: str) -> float:
    """Seconds; infinite where it cannot be read, so that too much is told rather than too little."""
    try:
        with open(f"/proc/sys/net/netfilter/{name}", encoding="ascii") as file:
            return float(file.read())
    except OSError:
        return float("-inf")


def _keep(memory: dict[int, None], key: int) -> None:
    memory[key] = None
    if len(memory) > REMEMBERED:
        del memory[next(iter(memory))]
