"""The kernel's records of processes and connections, taken into the process table and the table of owners.

One reader for all sources: whoever is about to ask for a name calls `catch_up` first, so that a record that lies before
the asked-for event has been read by then, whatever thread is ahead.
"""

import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from collectors.sources.owners import Owners
from collectors.sources.perf import (
    RECORD_EXIT,
    RECORD_FORK,
    RECORD_LOST,
    RECORD_SAMPLE,
    Record,
    Rings,
    Wanted,
)
from collectors.sources.starts import Starts
from collectors.sources.tracefs import Tracepoint, tracepoints
from collectors.sources.who import Process, Processes

EXEC, TCP_STATE, ROUTE4, ROUTE6 = (
    "sched/sched_process_exec",
    "sock/inet_sock_set_state",
    "fib/fib_table_lookup",
    "fib6/fib6_table_lookup",
)
TCP_ONLY = "protocol==6 && (newstate==10 || (family==10 && (newstate==2 || oldstate==2)))"
"""A socket begins to listen, or an opening over IPv6 begins or ends: the transitions that tell an owner."""
ROUTED4 = "(proto==6 || proto==17) && sport!=0 && !(common_flags & 0x18)"
"""The route of what a process opens or sends; in an interrupt (0x18) the current process is a stranger."""
ROUTED6 = "proto==17 && sport!=0 && !(common_flags & 0x18)"
NANOSECONDS = 1_000_000_000
EXECUTIONS_KEPT = 16_384

_NUMBER = struct.Struct("=H").unpack_from
_PLACE = struct.Struct("=HH").unpack_from


class Execution(NamedTuple):
    """One exec: the process as it became, and its parent as it was then."""

    process: Process
    parent: Process | None
    at: float


@dataclass
class KernelRecords:
    """Feeds `processes` and `owners` while it is open; `executions` waits for the source that tells them."""

    processes: Processes
    owners: Owners
    executions: deque[Execution] = field(default_factory=deque)
    lost: int = 0
    """Records the kernel had no room for, since the last `take_lost`."""
    untold: int = 0
    """Executions that nobody fetched in time, since the last `take_lost`."""
    wanted: bool = True
    """Whether somebody fetches `executions`."""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _rings: Rings | None = field(default=None, init=False)
    _offset: int = field(default=0, init=False)
    _starts: Starts = field(default_factory=Starts, init=False)

    def open(self) -> Rings:
        """Begin. Raises OSError without root or where the kernel has no such records."""
        points = tracepoints(EXEC, TCP_STATE, ROUTE4, ROUTE6)
        execs, states, route4, route6 = points
        rings = Rings(
            [
                Wanted(execs.id, urgent=True),
                Wanted(states.id, TCP_ONLY),
                Wanted(route4.id, ROUTED4),
                Wanted(route6.id, ROUTED6),
            ]
        )
        self._kinds = {
            execs.id: self._executed(execs),
            states.id: self.owners.tcp_reader(states),
            route4.id: self.owners.route_reader(route4, 4),
            route6.id: self.owners.route_reader(route6, 16),
        }
        with self._lock:
            self._rings = rings
        self.processes.backfill()
        self.processes.fed = self.owners.fed = True
        self.processes.catch_up = self.catch_up
        return rings

    def close(self) -> None:
        self.processes.fed = self.owners.fed = False
        self.processes.catch_up = _nothing
        with self._lock:
            rings, self._rings = self._rings, None
        if rings is not None:
            rings.close()

    def catch_up(self) -> None:
        """Take in everything recorded up to now."""
        with self._lock:
            if self._rings is None:
                return
            self._see_started(self._rings)
            self._offset = time.time_ns() - time.monotonic_ns()
            for record in self._rings.read():
                self._take(record)
            self._starts.forget(time.monotonic_ns())

    def see_started(self) -> None:
        """Note what /proc says of the programs that have just started: in a moment they may have ended. All else waits
        for `catch_up`, for whoever is woken for one record spends most on what lies in no cache."""
        with self._lock:
            if self._rings is not None:
                self._see_started(self._rings)

    def _see_started(self, rings: Rings) -> None:
        for record in rings.read_urgent():
            if record.kind == RECORD_SAMPLE:
                self._starts.note(record.pid, record.at, self.processes.see(record.pid))

    def take_lost(self) -> tuple[int, int]:
        """(records, executions) lost since the last call."""
        with self._lock:
            told = self.lost, self.untold
            self.lost = self.untold = 0
        return told

    def _take(self, record: Record) -> None:
        if record.kind == RECORD_SAMPLE:
            take = self._kinds.get(_NUMBER(record.raw)[0])
            if take is not None:
                take(record)
        elif record.kind == RECORD_FORK:
            self.processes.forked(record.pid, record.other, self._time(record))
        elif record.kind == RECORD_EXIT:
            self.processes.exited(record.pid)
        elif record.kind == RECORD_LOST:
            self.lost += record.other

    def _executed(self, point: Tracepoint) -> Callable[[Record], None]:
        place = point.offsets["filename"]

        def take(record: Record) -> None:
            at, size = _PLACE(record.raw, place)
            name = record.raw[at : at + size].split(b"\0", 1)[0]
            moment = self._time(record)
            noted, seen = self._starts.take(record.pid, record.at)
            if not noted:
                seen = self.processes.see(record.pid)
            process = self.processes.executed(record.pid, name.decode("utf-8", "surrogateescape"), moment, seen)
            if not self.wanted:
                return
            if len(self.executions) >= EXECUTIONS_KEPT:
                self.untold += 1
                return
            self.executions.append(Execution(process, self.processes.known(process.parent), moment))

        return take

    def _time(self, record: Record) -> float:
        return (record.at + self._offset) / NANOSECONDS


def _nothing() -> None:
    pass
