"""Network flows: with CAP_NET_ADMIN from the kernel's connection tracking, else from the list of TCP sockets.

A flow is told once, when it ends: TCP at its last FIN or RST (not minutes later, when the kernel forgets it), others
when the kernel gives them up. A TCP opening that nobody answers is told after `NO_ANSWER` seconds as `no_answer`; one
that lasts longer than `LONG` seconds is told once more in between, with `EndReason: open` and the counts so far.
`@timestamp` is the moment of telling. The agent's own connections to the centre are left out and counted in
`own`: each upload would otherwise be the next upload's content.
"""

import threading
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from collectors.sources import conntrack_wake
from collectors.sources.feed import Feed
from collectors.sources.memory import Memory
from collectors.sources.names import Names
from collectors.sources.netlink import SOCK_DIAG, Netlink
from collectors.sources.owners import Owners
from collectors.sources.polled import Polled
from collectors.sources.tracked import Tracked
from collectors.sources.who import Processes
from jikimi.domain.logsource import NETWORK_FLOW

POLLING = "TCP only, short connections that the other side closed may be missed, byte counts are estimates"


@dataclass
class Flows:
    """`centre` are the (address, port) pairs of the centre."""

    memory: Memory
    centre: frozenset[tuple[str, int]] = frozenset()
    processes: Processes = field(default_factory=Processes)
    owners: Owners = field(default_factory=Owners)
    names: Names = field(default_factory=Names)
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
                    tell = partial(self.tell, feed)
                    tracked = Tracked(feed, tell, self.processes, self.owners, self.names)
                    stack.enter_context(closing(tracked))
                    feed.running("conntrack", conntrack_wake.switch_on())
                    tracked.run(stop, self._save)
                    return
                except PermissionError:
                    why = "no right to the kernel's connection tracking"
                except OSError as error:
                    if feed.state != "starting":
                        raise
                    why = f"the kernel's connection tracking cannot be had ({error.strerror})"
            feed.running("sock_diag", f"{why}: {POLLING}")
            diag = stack.enter_context(Netlink(SOCK_DIAG))
            Polled(diag, self.processes, partial(self.tell, feed)).run(stop, self.memory)

    def _save(self) -> None:
        self.memory.save({"until": time.time()})

    def tell(self, feed: Feed, fields: dict[str, Any]) -> None:
        """Hand a flow in, unless it is our own talk with the centre."""
        if (fields["DestinationIp"], fields["DestinationPort"]) in self.centre:
            self.own += 1
            return
        feed.emit(NETWORK_FLOW, fields)
