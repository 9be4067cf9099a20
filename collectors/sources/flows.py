"""Network flows: from the kernel's connection tracking (CAP_NET_ADMIN), else from the packets (CAP_NET_RAW), else from
the list of TCP sockets.

A flow is told once, when it ends: TCP at its last FIN or RST (not minutes later, when the kernel forgets it), others
when the kernel gives them up. A TCP opening that nobody answers is told after 10 s as `no_answer`; one
that lasts longer than a minute is told once more in between, with `EndReason: open` and the counts so far.
`@timestamp` is the moment of telling. The agent's own connections to the centre are left out and counted in
`own`: each upload would otherwise be the next upload's content.
"""

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from collectors.sources import conntrack_wake
from collectors.sources.feed import Feed
from collectors.sources.flow_event import FlowEvent
from collectors.sources.memory import Memory
from collectors.sources.names import Names
from collectors.sources.netlink import SOCK_DIAG, Netlink
from collectors.sources.owners import Owners
from collectors.sources.polled import Polled
from collectors.sources.ring import SNAP, Ring
from collectors.sources.sniffed import Sniffed
from collectors.sources.tracked import Tracked
from collectors.sources.untracked_filter import untracked
from collectors.sources.who import Processes
from jikimi.domain.logsource import NETWORK_FLOW

Way = Literal["conntrack", "packets", "sock_diag"]

SNIFFING = "flows are counted from the packets themselves, which costs more"
POLLING = "TCP only, short connections that the other side closed may be missed, byte counts are estimates"
UNTOLD = 2.0
"""Seconds for which the end of a flow may wait in the kernel's queue."""
UNTRACKED_BLOCKS = 8
"""Of the ring for packets that tracking leaves out: 1 MB, some 5,000 packets a second."""


@dataclass
class Flows:
    """`centre` are the (address, port) pairs of the centre."""

    memory: Memory
    centre: frozenset[tuple[str, int]] = frozenset()
    processes: Processes = field(default_factory=Processes)
    owners: Owners = field(default_factory=Owners)
    names: Names = field(default_factory=Names)
    name: str = "flows"
    only: Way | None = None
    """One way alone, for trials; None = the best that can be had."""
    own: int = field(default=0, init=False)

    def run(self, feed: Feed, stop: threading.Event) -> None:
        """Blocks until `stop`. Raises OSError when the kernel tells of no sockets at all."""
        before = self.memory.load().get("until")
        if isinstance(before, int | float):
            feed.blind("the agent was not running", datetime.fromtimestamp(before, UTC))
        why = ""
        ways: dict[Way, Callable[[Feed, threading.Event, str], None]] = {
            "conntrack": self._track,
            "packets": self._sniff,
            "sock_diag": self._poll,
        }
        for way, run in ways.items():
            if self.only not in (None, way):
                continue
            try:
                run(feed, stop, why)
                return
            except OSError as error:
                if feed.state != "starting" or way in (self.only, "sock_diag"):
                    raise
                why = why or f"the kernel's connection tracking cannot be had ({error.strerror}): "

    def _track(self, feed: Feed, stop: threading.Event, _why: str) -> None:
        save = partial(self._save, feed)
        with closing(Tracked(feed, partial(self.tell_event, feed), self.processes, self.owners, self.names)) as tracked:
            try:
                ring = Ring(untracked(SNAP), UNTRACKED_BLOCKS)
            except OSError as error:
                unseen = f"scans with odd TCP flags are not seen ({error.strerror})"
                feed.running("conntrack", "; ".join(filter(None, (conntrack_wake.switch_on(), unseen))))
                tracked.run(stop, save)
                return
            with ring:
                odd = Sniffed(
                    feed, partial(self.tell, feed), self.processes, self.owners, self.names, beside_tracking=True
                )
                feed.running("conntrack", conntrack_wake.switch_on())
                tracked.run(stop, save, partial(odd.take, ring))
                odd.end(ring)

    def _sniff(self, feed: Feed, stop: threading.Event, why: str) -> None:
        with Ring() as ring:
            sniffed = Sniffed(feed, partial(self.tell, feed), self.processes, self.owners, self.names)
            feed.running("packets", why and why + SNIFFING)
            sniffed.run(ring, stop, partial(self._save, feed))

    def _poll(self, feed: Feed, stop: threading.Event, why: str) -> None:
        with Netlink(SOCK_DIAG) as diag:
            feed.running("sock_diag", why + POLLING)
            Polled(diag, self.processes, partial(self.tell, feed)).run(stop, self.memory)

    def _save(self, feed: Feed) -> None:
        """Were the agent killed now, what still waits for the spool would not be known."""
        self.memory.save({"until": feed.safe_until() - UNTOLD})

    def tell(self, feed: Feed, fields: dict[str, Any]) -> None:
        """Hand a flow in, unless it is our own talk with the centre."""
        if not self._is_own(fields["DestinationIp"], fields.get("DestinationPort")):
            feed.emit(NETWORK_FLOW, fields)

    def tell_event(self, feed: Feed, event: FlowEvent) -> None:
        """`tell` for one that connection tracking counted."""
        if not self._is_own(event.destination_ip, event.destination_port):
            feed.tell(NETWORK_FLOW, event)

    def _is_own(self, address: str, port: int | None) -> bool:
        own = (address, port) in self.centre
        self.own += own
        return own
