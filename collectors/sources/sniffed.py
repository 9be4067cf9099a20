"""Flows from the packets themselves, where the kernel tracks no connections: exact, for 1 µs or two a packet."""

import struct
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from collectors.flows.events import flow_event
from collectors.flows.packet import RAW, RST, Packet, decode
from collectors.flows.table import Flow, FlowTable, Timeouts
from collectors.sources.addresses import Addresses
from collectors.sources.feed import Feed
from collectors.sources.names import Names
from collectors.sources.owners import Owners
from collectors.sources.ring import Ring
from collectors.sources.who import NOBODY, Processes, Who
from jikimi.domain.event import TIMESTAMP

TICK = 0.2
SAVE_AFTER = 10.0
FLOWS_AT_MOST = 50_000
NO_ANSWER = 10.0
"""Seconds, beside tracking, after which a packet counts as unanswered: as in collectors.sources.tracked."""

_LOST = {
    False: ("packets", "counts of flows are too small"),
    True: (
        "RSTs or packets with odd TCP flags",
        "of scans with odd flags some may be missing, all other flows are whole",
    ),
}
"""By whether tracking runs beside: what was lost, and what that means."""


class Sniffed:
    """One run. `tell` takes an event's fields. `beside_tracking`: the ring holds what connection tracking leaves out
    and every RST, of which only those are counted that answer such a packet."""

    def __init__(
        self,
        feed: Feed,
        tell: Callable[[dict[str, object]], None],
        processes: Processes,
        owners: Owners,
        names: Names,
        *,
        beside_tracking: bool = False,
    ) -> None:
        self._feed = feed
        self._tell_fields = tell
        self._processes = processes
        self._owners = owners
        self._names = names
        self._addresses = Addresses()
        self._beside_tracking = beside_tracking
        timeouts = Timeouts.of(NO_ANSWER) if beside_tracking else None
        self._flows = FlowTable(timeouts, capacity=FLOWS_AT_MOST)
        self._looked_at = time.time()

    def run(self, ring: Ring, stop: threading.Event, save: Callable[[], None]) -> None:
        """Blocks until `stop`. Flows that are still open then are told as they are."""
        saved_at = time.monotonic()
        while not stop.wait(TICK):
            self.take(ring)
            if time.monotonic() - saved_at >= SAVE_AFTER:
                saved_at = time.monotonic()
                save()
        self.end(ring)
        save()

    def end(self, ring: Ring) -> None:
        """Take the last, and tell what is still open."""
        time.sleep(TICK)  # the kernel hands the last block over
        self.take(ring)
        for flow in self._flows.close():
            self._tell(flow)
        self._tell_lost(ring)

    def take(self, ring: Ring) -> None:
        """What the ring holds by now; tell what has ended."""
        if abs(time.time() - self._looked_at) >= SAVE_AFTER:
            self._tell_lost(ring)
        ended: list[Flow] = []
        for caught in ring.read():
            packet = decode(RAW, caught.frame, caught.length)
            if isinstance(packet, Packet) and self._counts(packet):
                ended += self._flows.add(packet, caught.at)
        ended += self._flows.passed(time.time_ns())
        if ended:
            self._processes.catch_up()
            self._names.catch_up()
            for flow in ended:
                self._tell(flow)

    def _counts(self, packet: Packet) -> bool:
        return not self._beside_tracking or not packet.flags & RST or self._flows.knows(packet)

    def _tell(self, flow: Flow) -> None:
        fields = flow_event(flow)
        del fields[TIMESTAMP]
        here, there = (self._addresses.local(fields[name]) for name in ("SourceIp", "DestinationIp"))
        fields["Initiated"] = "true" if here else "false" if there else None
        ports = struct.pack(">HH", flow.source_port, flow.destination_port)
        fields["DestinationHostname"] = self._names.of(flow.source, flow.destination, ports)
        self._tell_fields({**fields, **self._who(flow, ports, here=here).fields()})

    def _who(self, flow: Flow, ports: bytes, *, here: bool) -> Who:
        if not flow.has_ports:
            return NOBODY
        if here:
            return self._owners.opener(flow.protocol, flow.source, flow.destination, ports)
        return self._owners.answerer(flow.protocol, flow.source, ports)

    def _tell_lost(self, ring: Ring) -> None:
        since, self._looked_at = self._looked_at, time.time()
        if count := ring.lost():
            what, so = _LOST[self._beside_tracking]
            reason = f"{count} {what} came faster than they could be read: {so}"
            self._feed.lost(reason, datetime.fromtimestamp(since, UTC))
