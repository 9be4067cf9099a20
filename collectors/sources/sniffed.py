"""Flows from the packets themselves, where the kernel tracks no connections: exact, for 1 µs or two a packet."""

import struct
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from collectors.flows.events import flow_event
from collectors.flows.packet import RAW, Packet, decode
from collectors.flows.table import Flow, FlowTable
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


class Sniffed:
    """One run. `tell` takes an event's fields."""

    def __init__(
        self, feed: Feed, tell: Callable[[dict[str, object]], None], processes: Processes, owners: Owners, names: Names
    ) -> None:
        self._feed = feed
        self._tell_fields = tell
        self._processes = processes
        self._owners = owners
        self._names = names
        self._addresses = Addresses()
        self._flows = FlowTable(capacity=FLOWS_AT_MOST)

    def run(self, ring: Ring, stop: threading.Event, save: Callable[[], None]) -> None:
        """Blocks until `stop`. Flows that are still open then are told as they are."""
        saved_at = since = time.time()
        while not stop.wait(TICK):
            self._take(ring)
            if time.time() - saved_at >= SAVE_AFTER:
                self._tell_lost(ring, since)
                saved_at = since = time.time()
                save()
        time.sleep(TICK)  # the kernel hands the last block over
        self._take(ring)
        for flow in self._flows.close():
            self._tell(flow)
        self._tell_lost(ring, since)
        save()

    def _take(self, ring: Ring) -> None:
        ended: list[Flow] = []
        for caught in ring.read():
            packet = decode(RAW, caught.frame, caught.length)
            if isinstance(packet, Packet):
                ended += self._flows.add(packet, caught.at)
        ended += self._flows.passed(time.time_ns())
        if ended:
            self._processes.catch_up()
            self._names.catch_up()
            for flow in ended:
                self._tell(flow)

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

    def _tell_lost(self, ring: Ring, since: float) -> None:
        if count := ring.lost():
            reason = f"{count} packets came faster than they could be read: counts of flows are too small"
            self._feed.lost(reason, datetime.fromtimestamp(since, UTC))
