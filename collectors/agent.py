"""The installed program: sources → spool → uplink, a heartbeat, a status file, an orderly end."""

import asyncio
import contextlib
import os
import platform
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
import structlog

from collectors import caps, health, identity, settings
from collectors.ending import when_asked_to_end
from collectors.evidence.delivery import Delivery, evidence_forbidden
from collectors.following import Following
from collectors.health import Health, Status
from collectors.http import Client
from collectors.identity import Identity
from collectors.locking import locked
from collectors.notify import ALIVE, READY, STOPPING, notify
from collectors.passports import Passports
from collectors.settings import AgentSettings, StateDir
from collectors.sources.feed import HealthKind
from collectors.sources.memory import Memory
from collectors.spool import Spool
from collectors.supervisor import Supervisor
from collectors.tamper.ending import computer_stops
from collectors.tamper.source import Tamper
from collectors.trim import give_back, rarely_collect
from collectors.uplink import Uplink
from jikimi import __version__
from jikimi.clock import Clock, utc_now
from jikimi.domain.agent_config import Signed
from jikimi.errors import Damaged, JikimiError, Misconfigured, Refused, Transient

HEARTBEAT = 30.0
STATUS = 5.0
ANSWER_WITHIN = 20.0
LAST_SENDING = 3.0

if sys.platform == "win32":
    from collectors.windows.watched import watched
elif sys.platform == "darwin":
    from collectors.macos.watched import watched
else:
    from collectors.linux.watched import watched

_log = structlog.get_logger()


async def enrol(
    state: StateDir,
    url: str,
    token: str,
    *,
    device: str,
    protect: list[Path],
    watch_out: Sequence[Path] = (),
    templates: Sequence[Path] = (),
    lab_loop_is_removable: bool = False,
) -> Identity:
    """Become a device of the company that issued `token`; writes identity and settings into `state`.

    Raises Misconfigured (folder missing, state not writable, enrolled already), Refused (token), Transient (no centre).
    """
    chosen = AgentSettings(
        settings.protected_folders(protect, state.root),
        watch_out=settings.protected_folders(watch_out, state.root),
        templates=settings.protected_folders(templates, state.root),
        lab_loop_is_removable=lab_loop_is_removable,
    )
    if state.enrolled():
        raise Misconfigured(
            f"{state.root}: enrolled already; other folders to protect go into {state.settings}, "
            "another company needs another --state"
        )
    made = not state.root.exists()
    state.prepare()
    system = f"{platform.system()} {platform.release()}"[:64]
    try:
        async with Client(ANSWER_WITHIN) as client:
            who = await identity.enrol(client, url, token=token, device=device, operating_system=system)
    except JikimiError:
        if made:
            state.root.rmdir()
        raise
    settings.save(chosen, state.settings)
    identity.save(who, state.credential)
    return who


def addresses_of(url: str) -> frozenset[tuple[str, int]]:
    """(address, port) pairs of the centre; empty while its name cannot be resolved."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError:
        return frozenset()
    return frozenset((str(address[4][0]), port) for address in found)


class Anew(NamedTuple):
    """The agent has to start itself anew: because it is too heavy, or to take other settings."""

    why: str
    too_heavy: bool


async def run(
    state: StateDir,
    *,
    restarts: int = 0,
    clock: Clock = utc_now,
    stop: asyncio.Event | None = None,
    computer_stops: Callable[[], bool] = computer_stops,
) -> Anew | None:
    """Watch until SIGTERM, SIGINT or `stop` (None), or until the agent has to start anew.
    `computer_stops` says, when it ends, whether the whole computer does.

    Raises Misconfigured, AlreadyRunning, Refused (the centre turned us away)."""
    who = identity.load(state.credential)
    state.prepare()
    stop = stop or asyncio.Event()
    when_asked_to_end(stop)
    async with AsyncExitStack() as stack:
        stack.enter_context(locked(state))
        spool = await Spool.open(state.spool, agent_id=who.agent_id, hostname=who.device, clock=clock)
        stack.push_async_callback(spool.close)
        client = await stack.enter_async_context(Client(ANSWER_WITHIN))
        return await _Agent(state, who, spool, client, clock, computer_stops).run(stop, restarts)


class _Said(msgspec.Struct):
    """Of the answer to a heartbeat."""

    time: datetime
    config_version: int = 0
    evidence: Signed | None = None


class _Agent:
    """One life of the agent."""

    def __init__(
        self,
        state: StateDir,
        who: Identity,
        spool: Spool,
        client: Client,
        clock: Clock,
        computer_stops: Callable[[], bool],
    ) -> None:
        self._computer_stops = computer_stops
        self._state = state
        self._who = who
        self._spool = spool
        self._client = client
        self._clock = clock
        self._started = clock()
        self._uplink = Uplink(client, who, spool)
        self._supervisor: Supervisor
        self._reached: datetime | None = None
        self._error = ""
        self._delivered = 0
        earlier = health.read(state.status)
        own = (state.settings, state.credential, state.config)
        self._tamper = Tamper(state.life, own, earlier.health.clock if earlier else None, clock=clock)
        if self._tamper.lived_before and not spool.found:
            lost = f"about {earlier.health.spool_events if earlier else 0} events that waited to be sent are lost"
            self._tamper.say("changed_by_hand", f"the spool in {state.spool} was removed, and not by the agent: {lost}")
        self._following = Following(state, who, self._tamper.files, self._tamper.say, clock)
        self._chosen = self._following.chosen
        self._passports = Passports(self._following.media, Memory(state.memory("passport_clock")), clock=clock)

    async def run(self, stop: asyncio.Event, restarts: int) -> Anew | None:
        centre = await asyncio.to_thread(addresses_of, self._who.url)
        found = [self._tamper, *watched(self._state, self._chosen, centre, self._passports)]
        why_not = evidence_forbidden(self._following.obeys, [source.name for source in found])
        self._delivery = Delivery(self._state.capture, self._who, self._client, self._spool.waiting_bytes, why_not)
        self._delivery.resume()
        self._supervisor = Supervisor(found, self._spool.keep, self._who.device, marks=self._spool.marks)
        rarely_collect()
        self._supervisor.start()
        notify(READY)
        _log.info("agent_started", device=self._who.device, centre=self._who.url, protects=len(self._chosen.protect))
        carrying = asyncio.create_task(self._supervisor.run())
        uplink = asyncio.create_task(self._uplink.run())
        others = [asyncio.create_task(each) for each in (self._beat(), self._tell_status(), self._delivery.run())]
        heavy = asyncio.create_task(caps.watch(self._chosen.caps, restarts))
        asked = asyncio.create_task(stop.wait())
        other = asyncio.create_task(self._following.anew.wait())
        await asyncio.wait({carrying, uplink, *others, heavy, asked, other}, return_when=asyncio.FIRST_COMPLETED)
        ended = [task for task in (carrying, uplink, *others) if task.done()]
        anew = None
        if heavy.done() and not stop.is_set():
            anew = Anew(heavy.result(), too_heavy=True)
        elif other.done() and not stop.is_set():
            anew = Anew("the centre changed its settings", too_heavy=False)
        await self._end(carrying, [uplink, heavy, asked, other, *others], anew, send=not ended)
        for task in ended:
            task.result()
        return anew

    async def _end(
        self, carrying: asyncio.Task[None], others: Sequence[asyncio.Task[Any]], anew: Anew | None, *, send: bool
    ) -> None:
        """Stop intake, drain into the spool, send what goes at once, tell the status; the rest waits on disk."""
        notify(STOPPING)
        if anew:
            _log.warning("agent_starts_anew", reason=anew.why)
            kind: HealthKind = "degraded" if anew.too_heavy else "heartbeat"
            await self._supervisor.stop(kind, f"the agent starts itself anew: {anew.why}")
        else:
            await self._supervisor.stop(Shutdown=await asyncio.to_thread(self._computer_stops))
        for task in others:
            task.cancel()
        await asyncio.gather(carrying, *others, return_exceptions=True)
        if send:
            with contextlib.suppress(TimeoutError, Transient, Refused, Damaged):
                async with asyncio.timeout(LAST_SENDING):
                    await self._uplink.drain()
                    await self._heartbeat(stopped=anew is None)
        self._write_status()
        self._tamper.ended()
        _log.info("agent_stopped", spool_bytes=self._spool.waiting_bytes())

    async def _beat(self) -> None:
        """Raises Refused when the centre will not have this agent any more."""
        while True:
            await self._heartbeat()
            with contextlib.suppress(OSError):
                self._passports.keep()
            give_back()
            await asyncio.sleep(HEARTBEAT)

    async def _heartbeat(self, *, stopped: bool = False) -> None:
        headers = {"Authorization": f"Bearer {self._who.credential}", "Content-Type": "application/json"}
        body = msgspec.json.encode(msgspec.structs.replace(self.health(), stopped=stopped))
        try:
            answer = await self._client.request("POST", f"{self._who.url}/v1/heartbeat", content=body, headers=headers)
        except Transient as error:
            self._error = str(error)
            return
        if answer.status_code in (401, 403):
            raise Refused(f"{self._who.url} refuses this agent: {identity.sentence(answer)}; enrol it again")
        if answer.is_success:
            self._reached, self._error = self._clock(), ""
            await self._follow(answer.content)
        else:
            self._error = identity.sentence(answer)

    async def _follow(self, said: bytes) -> None:
        """Take the centre's time, and its configuration when that is newer; what cannot be had now comes later."""
        try:
            told = msgspec.json.decode(said, type=_Said)
            self._passports.heard(told.time)
            self._tamper.heard(told.time, self._clock())
            await self._following.follow(told.config_version, self._client, self._passports)
        except (Transient, OSError, msgspec.MsgspecError) as error:
            _log.warning("config_not_taken", reason=str(error))
            return
        if told.evidence is not None:
            await self._delivery.hear(told.evidence, self._following.key)

    async def _tell_status(self) -> None:
        while True:
            self._write_status()
            notify(ALIVE)
            await asyncio.sleep(STATUS)

    def _write_status(self) -> None:
        sent = self._uplink.sent
        if sent.events > self._delivered:
            self._delivered, self._reached, self._error = sent.events, self._clock(), ""
        status = Status(
            os.getpid(),
            self._who.device,
            self._who.url,
            self._started,
            self.health(),
            self._reached,
            self._error or sent.last_error if self._reached is None else self._error,
            self._chosen.protect,
        )
        try:
            health.write(status, self._state.status)
        except OSError as error:
            _log.warning("status_not_written", reason=str(error))

    def health(self) -> Health:
        """As the heartbeat and the status file tell it."""
        waiting = self._spool.waiting_bytes()
        feeds = health.of_feeds(self._supervisor.feeds)
        return Health(__version__, self._clock(), waiting, self._spool.waiting_events(), feeds)
