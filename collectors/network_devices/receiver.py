"""Listens for network devices: syslog over UDP, TCP and TLS, NetFlow and IPFIX over UDP. One source of the agent."""

import asyncio
import contextlib
import operator
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from collectors.flows.events import flow_event
from collectors.network_devices.framing import Framing
from collectors.network_devices.lines import read_line
from collectors.network_devices.netflow import NetFlow
from collectors.network_devices.pairing import Pairing, Told
from collectors.network_devices.senders import Senders
from collectors.network_devices.settings import DeviceSettings, may_send
from collectors.network_devices.syslog import LONGEST
from collectors.network_devices.tls import PIECE, TlsReader, why
from collectors.sources.feed import Feed
from jikimi.clock import Clock, utc_now
from jikimi.domain.event import TIMESTAMP
from jikimi.domain.logsource import EXPORTED_FLOW
from jikimi.errors import Transient

LOOK = 0.2
REPORT = 300.0
"""Seconds between two accounts of what each device sent."""

CONNECTIONS = 256
OF_ONE_SENDER = 16
"""Connections: a device that opens more, or forgets to close them, must not keep the others out."""
HANDSHAKE = 10.0
"""Seconds for TLS."""
IDLE = 3600.0
"""Seconds without a byte after which a connection is closed."""

WRONG_CLOCK = timedelta(minutes=10)
"""A device whose clock or zone is further off has its events told at their arrival, or no correlation would see them
in time; what it stated stays in `DeviceTime`."""

_RECEIVE_BUFFER = 8 * 1024 * 1024
_SO_RCVBUFFORCE = 33
_SO_MEMINFO, _DROPS = 55, 8  # linux/sock_diag.h: sk_meminfo, of which the ninth number counts what found no room


class NetworkDevices:
    """Raises Misconfigured for settings that cannot be used, Transient when a port cannot be had."""

    name = "network_devices"

    def __init__(self, settings: DeviceSettings, *, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._clock = clock

    def run(self, feed: Feed, stop: threading.Event) -> None:
        asyncio.run(_Listening(self._settings, feed, self._clock).until(stop))


class _Listening:
    """One run: sockets, connections, and what lies between a packet and its event."""

    def __init__(self, settings: DeviceSettings, feed: Feed, clock: Clock) -> None:
        self._settings = settings
        self._networks = settings.networks()
        self._zone = settings.times()
        self._tls = settings.tls() if settings.syslog_tls else None
        self._feed = feed
        self._clock = clock
        self._netflow = NetFlow()
        self._pairing = Pairing()
        self._senders = Senders()
        self._connections: dict[asyncio.Task[None], tuple[str, asyncio.StreamWriter]] = {}
        self._datagrams: dict[str, tuple[socket.socket, int]] = {}
        self._since = clock()

    async def until(self, stop: threading.Event) -> None:
        async with AsyncExitStack() as stack:
            modes = await self._listen(stack)
            self._feed.running(", ".join(modes))
            report = time.monotonic() + REPORT
            while not stop.is_set():
                await asyncio.sleep(LOOK)
                self._tell_flows(self._pairing.late(time.monotonic()))
                self._tell_drops()
                if time.monotonic() >= report:
                    report = time.monotonic() + REPORT
                    self._report(time.monotonic())
        for _, writer in self._connections.values():
            writer.transport.abort()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self._tell_flows(self._pairing.late(float("inf")))
        self._report(float("inf"))

    async def _listen(self, stack: AsyncExitStack) -> list[str]:
        """What it listens to, in words."""
        chosen = self._settings
        loop = asyncio.get_running_loop()
        modes = []
        for what, port, heard in (
            ("syslog UDP", chosen.syslog_udp, self.message),
            ("NetFlow UDP", chosen.netflow_udp, self.flows),
        ):
            if port:
                listener = self._bound(port, socket.SOCK_DGRAM)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
                with contextlib.suppress(
                    OSError
                ):  # without the right, or on another system, what the system grants all
                    listener.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
                transport, _ = await loop.create_datagram_endpoint(partial(_Datagrams, heard), sock=listener)
                stack.callback(transport.close)
                self._datagrams[what] = (listener, 0)
                modes.append(f"{what} {port}")
        for what, port, tls in (("syslog TCP", chosen.syslog_tcp, None), ("syslog TLS", chosen.syslog_tls, self._tls)):
            if port:
                listener = self._bound(port, socket.SOCK_STREAM)
                server = await asyncio.start_server(partial(self._connected, tls), sock=listener, limit=PIECE)
                stack.push_async_callback(server.wait_closed)
                stack.callback(server.close)
                modes.append(f"{what} {port}")
        return modes

    def _bound(self, port: int, kind: socket.SocketKind) -> socket.socket:
        address = self._settings.address
        listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
        try:
            if kind == socket.SOCK_STREAM:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
        except OSError as error:
            listener.close()
            raise Transient(f"port {port} of {address} cannot be listened to ({error.strerror})") from error
        return listener

    def message(self, raw: bytes, sender: str) -> None:
        """One syslog message."""
        if not self._may_send(sender):
            return
        now = self._clock()
        line = read_line(raw, now, self._zone)
        count = self._senders.of(sender)
        count.seen += 1
        count.cut += len(raw) > LONGEST
        fields: dict[str, Any] = {**line.fields, "sender_ip": sender}
        fields["Hostname"] = fields.get("Hostname") or sender
        self._feed.emit(line.logsource, fields, self._at(line.time, now, fields))

    def flows(self, datagram: bytes, exporter: str) -> None:
        """One NetFlow or IPFIX datagram."""
        if not self._may_send(exporter):
            return
        decoder, count = self._netflow, self._senders.of(exporter)
        before = _counters(decoder)
        records = decoder.records(datagram, exporter, time.monotonic())
        count.seen += len(records)
        malformed, not_flows, missing = map(operator.sub, _counters(decoder), before)
        count.malformed += malformed
        count.not_flows += not_flows
        count.missing += missing
        for record in records:
            self._tell_flows(self._pairing.add(exporter, record, time.monotonic()))

    def _tell_flows(self, flows: Iterable[Told]) -> None:
        for exporter, flow, action, sampling in flows:
            event = flow_event(flow)
            stated = datetime.fromisoformat(event.pop(TIMESTAMP))
            event |= {"Hostname": exporter, "Exporter": exporter}
            if action or flow.answered:
                event["action"] = action or "accept"
            if sampling > 1:
                event["SamplingInterval"] = sampling
            self._feed.emit(EXPORTED_FLOW, event, self._at(stated, self._clock(), event))

    def _at(self, stated: datetime | None, now: datetime, fields: dict[str, Any]) -> datetime:
        if stated is None or abs(stated - now) <= WRONG_CLOCK:
            return stated or now
        fields["DeviceTime"] = stated.isoformat()
        return now

    def _may_send(self, sender: str) -> bool:
        if may_send(sender, self._networks):
            return True
        self._senders.of(sender).refused += 1
        return False

    async def _connected(
        self, tls: ssl.SSLContext | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One sender's connection, until it ends. TLS begins only with who may send."""
        task = asyncio.current_task()
        sender = writer.get_extra_info("peername")[0]
        if task is None or not self._may_send(sender):
            writer.close()
            return
        if not self._has_room(sender):
            self._senders.of(sender).crowded += 1
            writer.close()
            return
        self._connections[task] = sender, writer
        try:
            secured = None if tls is None else TlsReader(tls, reader, writer)
            if secured is None or await self._shaken_hands(secured, sender):
                await self._hear(secured or reader, sender)
        except (OSError, TimeoutError):
            pass  # the sender went away; what came before it did is told
        finally:
            del self._connections[task]
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _shaken_hands(self, secured: TlsReader, sender: str) -> bool:
        try:
            await asyncio.wait_for(secured.shake_hands(), HANDSHAKE)
        except (OSError, TimeoutError) as error:
            count = self._senders.of(sender)
            count.no_handshake += 1
            count.no_handshake_why = why(error)
            return False
        return True

    def _has_room(self, sender: str) -> bool:
        of_it = sum(other == sender for other, _ in self._connections.values())
        return len(self._connections) < CONNECTIONS and of_it < OF_ONE_SENDER

    async def _hear(self, reader: asyncio.StreamReader | TlsReader, sender: str) -> None:
        framing = Framing()
        try:
            while data := await asyncio.wait_for(reader.read(PIECE), IDLE):
                for raw in framing.feed(data):
                    self.message(raw, sender)
        finally:
            for raw in framing.close():
                self.message(raw, sender)
            self._senders.of(sender).cut += framing.cut

    def _tell_drops(self) -> None:
        """Datagrams that found the kernel's buffer full."""
        for what, (listener, before) in self._datagrams.items():
            try:
                drops = struct.unpack_from("9I", listener.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36))[_DROPS]
            except (OSError, struct.error):
                return  # another system than Linux: not known
            if drops > before:
                self._datagrams[what] = (listener, drops)
                self._feed.lost(f"{what}: more came than could be read", self._since, drops - before)
            self._since = self._clock()

    def _report(self, now: float) -> None:
        """`now`: of the steady clock by which templates are waited for."""
        for exporter, sets in self._netflow.waiting.given_up(now).items():
            self._senders.of(exporter).without_template += sets
        for exporter, sets in self._netflow.waiting.by_exporter().items():
            self._senders.of(exporter).waiting = sets
        for told in self._senders.told():
            self._feed.health(
                "gap" if told["Dropped"] else "heartbeat", told.pop("Reason") or "what this device sent", **told
            )


def _counters(decoder: NetFlow) -> tuple[int, int, int]:
    return decoder.malformed, decoder.not_flows, decoder.missing


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, heard: Callable[[bytes, str], None]) -> None:
        self._heard = heard

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._heard(data, addr[0])
