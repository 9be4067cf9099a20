"""Flows on systems that are asked for a list of their TCP sockets with owners: Windows and macOS.

Without counts, for these lists hold none, and without UDP, whose sockets name no other side.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from collectors.sources.feed import Feed
from collectors.sources.memory import Memory
from collectors.sources.socket_watch import Sock, SocketWatch, flow_fields
from collectors.sources.who import NOBODY, Who
from jikimi.domain.logsource import NETWORK_FLOW

SAVE_AFTER = 10.0
BLIND_TO = "TCP only, connections between two looks may be missed, no counts"

Owned = tuple[Sock, Who]


@dataclass
class ListedSockets:
    """`look` gives the sockets that are there now, every `every` seconds; it may raise OSError. `centre` are the
    (address, port) pairs of the centre, whose connections are left out."""

    look: Callable[[], Sequence[Owned]]
    memory: Memory
    way: str
    every: float
    centre: frozenset[tuple[str, int]] = frozenset()
    name: str = field(default="flows", init=False)

    def run(self, feed: Feed, stop: threading.Event) -> None:
        """Blocks until `stop`. Raises OSError."""
        watch, saved_at = SocketWatch(), 0.0
        feed.running(self.way, BLIND_TO)
        while True:
            now = time.time()
            self.round(feed, watch, now)
            if now - saved_at >= SAVE_AFTER or stop.is_set():
                self.memory.save({"until": now})
                saved_at = now
            if stop.wait(self.every):
                return

    def round(self, feed: Feed, watch: SocketWatch, now: float) -> None:
        """Tell what ended since the last round."""
        owned = dict(self.look())
        for pair, connection in watch.look(now, owned, lambda sock: owned.get(sock, NOBODY)):
            if (pair.destination, pair.destination_port) not in self.centre:
                feed.emit(NETWORK_FLOW, flow_fields(pair, connection, now))
