"""Which programs were started, by whom and from what: the kernel's exec records as Sigma's process_creation.

It also keeps the process table and the owners of connections fed for the other sources, whether or not the starts
themselves are told.
"""

import select
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from collectors.sources.feed import Feed
from collectors.sources.kernel_records import Execution, KernelRecords
from collectors.sources.perf import Rings
from collectors.sources.who import UNKNOWN, readable
from jikimi.domain.event import format_time
from jikimi.domain.logsource import PROCESS_CREATION

TICK = 2.0
"""Seconds between two rounds of telling; what /proc says of a start is noted at once."""
LOOK_AFTER = 10.0
WITHOUT = "only processes that still run when asked about have a name, and starts of programs are not seen"


@dataclass
class Executions:
    """`tell` = give an event for each start; without it only the tables are fed. `started` hears of each."""

    records: KernelRecords
    tell: bool = True
    started: Callable[[Execution], None] = lambda _: None
    name: str = field(default="processes", init=False)

    def run(self, feed: Feed, stop: threading.Event) -> None:
        """Blocks until `stop`. Raises OSError when the kernel's records break off."""
        self.records.wanted = True
        try:
            rings = self.records.open()
        except OSError as error:
            feed.running("/proc", f"the kernel's process records cannot be had ({error.strerror}): {WITHOUT}")
            stop.wait()
            return
        try:
            feed.running("perf" if self.tell else "perf (starts are not told, as set)")
            self._watch(rings, feed, stop)
        finally:
            self.records.close()

    def _watch(self, rings: Rings, feed: Feed, stop: threading.Event) -> None:
        poll = select.poll()
        half_full = set(rings.filenos())
        for descriptor in (*half_full, *rings.urgent_filenos()):
            poll.register(descriptor, select.POLLIN)
        looked_at = due_at = time.monotonic()
        since = time.time()
        while not stop.is_set():
            ready = poll.poll(max(0.0, due_at - time.monotonic()) * 1000)
            self.records.see_started()
            if time.monotonic() < due_at and not any(descriptor in half_full for descriptor, _ in ready):
                continue
            due_at = time.monotonic() + TICK
            self.records.catch_up()
            self._tell(feed)
            self._tell_lost(feed, since)
            since = time.time()
            if time.monotonic() - looked_at >= LOOK_AFTER:
                looked_at = time.monotonic()
                if rings.cpus_changed():
                    raise OSError("a processor came or went")
        self.records.catch_up()
        self._tell(feed)

    def _tell(self, feed: Feed) -> None:
        while self.records.executions:
            execution = self.records.executions.popleft()
            self.started(execution)
            if self.tell:
                feed.emit(PROCESS_CREATION, event_fields(execution), datetime.fromtimestamp(execution.at, UTC))

    def _tell_lost(self, feed: Feed, since: float) -> None:
        records, executions = self.records.take_lost()
        start = datetime.fromtimestamp(since, UTC)
        if records:
            feed.lost(f"the kernel's record ring ran over ({records} records): names may be missing", start)
            self.records.processes.backfill()
        if executions:
            feed.lost("programs were started faster than they could be told", start, executions)


def event_fields(execution: Execution) -> dict[str, object]:
    """Sigma's process_creation for Linux (rules/README.md)."""
    process, parent, at = execution.process, execution.parent or UNKNOWN, execution.at
    return {
        **process.who.fields(),
        "CommandLine": readable(process.command_line),
        "CurrentDirectory": readable(process.folder),
        "ParentProcessId": process.parent or None,
        "ParentImage": readable(parent.who.image),
        "ParentCommandLine": readable(parent.command_line),
        "ParentUser": parent.who.user,
        "StartTime": format_time(datetime.fromtimestamp(at, UTC)),
    }
