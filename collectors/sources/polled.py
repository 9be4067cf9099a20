"""Flows without any right: the list of TCP sockets, looked at twice a second.

A connection that began and ended between two looks is still seen where this machine closed it (the kernel keeps it in
TIME_WAIT for a minute), then without counts. Byte counts are the socket's payload plus an estimate of the headers.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from collectors.sources import sockets
from collectors.sources.memory import Memory
from collectors.sources.netlink import Netlink
from collectors.sources.socket_watch import Sock, SocketWatch, flow_fields
from collectors.sources.sockets import Inodes
from collectors.sources.who import Processes, Who

EVERY = 0.5
SAVE_AFTER = 10.0


class Polled:
    """Runs a SocketWatch and tells what it finds."""

    def __init__(self, diag: Netlink, processes: Processes, tell: Callable[[dict[str, Any]], None]) -> None:
        self._diag = diag
        self._inodes = Inodes()
        self._processes = processes
        self._tell = tell
        self._watch = SocketWatch()

    def run(self, stop: threading.Event, memory: Memory) -> None:
        saved_at = 0.0
        while True:
            now = time.time()
            for pair, connection in self._watch.look(now, sockets.tcp_sockets(self._diag), self._who):
                self._tell(flow_fields(pair, connection, now))
            if now - saved_at >= SAVE_AFTER or stop.is_set():
                memory.save({"until": now})
                saved_at = now
            if stop.wait(EVERY):
                return

    def _who(self, sock: Sock) -> Who:
        return sockets.owner(sock, self._inodes, self._processes)
