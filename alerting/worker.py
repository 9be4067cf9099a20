"""Tells people: expands the outbox, sends what is due, asks what became of it. The async edge around pure decisions."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import get_args

import structlog
from sqlalchemy import exists, or_, select, update

from alerting.channels import Channels
from alerting.channels.port import Accepted, Channel, Delivered, Kind, NotFound, Outcome, Refusal, TryLater, Unknown
from alerting.expand import expand_next
from alerting.gate import Gate
from alerting.lease import Job, lost, settle, take, to_ask
from alerting.settings import NO_MAIL_SERVER, NO_SMS_PROVIDER, AlertSettings
from alerting.states import State, after_attempt, after_lost_lease, after_question, after_receipt
from jikimi.clock import Clock
from jikimi.storage.database import Database
from jikimi.storage.schema import notifications, outbox

KINDS: tuple[Kind, ...] = get_args(Kind)
AT_ONCE = 8
"""Messages of one kind on their way at the same time."""
AFTER_AN_ERROR = 5.0
"""Seconds before a loop that failed (database away, disk full) tries again."""

_log = structlog.get_logger("alerting")


class AlertWorker:
    """One a process; several processes may share a PostgreSQL, their leases keep them apart.

    `run` returns when `stop` is set and what was on its way has come back. `step` does everything once, for tests.
    """

    def __init__(self, database: Database, channels: Channels, settings: AlertSettings, clock: Clock) -> None:
        self._database = database
        self._channels = channels
        self._settings = settings
        self._clock = clock
        rates = {"sms": settings.sms_per_minute, "mail": settings.mails_per_minute}
        self._gates = {channel.name: Gate(rates[channel.kind]) for channel in channels.all}
        self._random = random.Random()  # noqa: S311 -- spreads retries, hides nothing

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; an error of the database is logged and tried again, never swallowed for good."""
        for sentence in self._settings.missing():
            _log.warning("no_provider", reason=sentence)
        await self._suppress_what_cannot_go()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pump("expand", self.expand, stop))
            group.create_task(self._pump("ask", self.ask, stop))
            for kind in KINDS:
                group.create_task(self._pump(f"send_{kind}", partial(self.send, kind), stop))

    async def step(self) -> bool:
        """Everything once; True when anything was done."""
        done = False
        while await self.expand():
            done = True
        for kind in KINDS:
            done = await self.send(kind) or done
        return await self.ask() or done

    async def expand(self) -> bool:
        """One outbox row."""
        async with self._database.read() as connection:
            waiting = select(exists().where(outbox.c.expanded_at.is_(None)))
            if not (await connection.execute(waiting)).scalar_one():
                return False
        async with self._database.write() as connection:
            row = await expand_next(connection, self._settings, self._clock())
        if row:
            _log.info("expanded", outbox=row)
        return row is not None

    async def send(self, kind: Kind) -> bool:
        """Take what is due of this kind, attempt it, write down what became of it."""
        if not await self._due(kind):
            return False
        await self._recover(kind)
        channel = self._open_channel(kind)
        if channel is None:
            return False
        now = self._clock()
        room = min(AT_ONCE, self._gates[channel.name].room(now))
        async with self._database.write() as connection:
            lease = timedelta(seconds=self._settings.lease_seconds)
            jobs = await take(connection, now, lease=lease, provider_of={kind: (channel.name, room)})
        for _ in jobs:
            self._gates[channel.name].enter(now)
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(self._attempt(channel, job))
        return bool(jobs)

    async def ask(self) -> bool:
        """Ask providers about messages whose end is not known."""
        async with self._database.read() as connection:
            jobs = await to_ask(connection, self._clock())
        for job in jobs:
            await self._ask(job)
        return bool(jobs)

    async def _attempt(self, channel: Channel, job: Job) -> None:
        try:
            async with asyncio.timeout(self._settings.send_timeout_seconds):
                outcome = await channel.send(job.message)
        except TimeoutError:
            outcome = Unknown(f"no answer within {self._settings.send_timeout_seconds:g} s")
        now = self._clock()
        self._judge(channel.name, outcome)
        step = after_attempt(
            outcome,
            attempts=job.attempts,
            max_attempts=self._settings.max_attempts,
            resend_is_safe=channel.resend_is_safe,
            now=now,
            jitter=self._random.random(),
        )
        async with self._database.write() as connection:
            await settle(connection, job, step, now, outcome=_word(outcome), detail=outcome.detail)
        _log.info("attempted", notification=job.id, provider=channel.name, outcome=_word(outcome), state=step.state)

    def _judge(self, provider: str, outcome: Outcome) -> None:
        match outcome:
            case Accepted() | Refusal() | TryLater(provider_fault=False):
                self._gates[provider].succeeded()
            case TryLater() | Unknown():
                self._gates[provider].faulted(self._clock())

    async def _recover(self, kind: Kind) -> None:
        now = self._clock()
        async with self._database.write() as connection:
            for job in await lost(connection, now):
                if job.kind != kind:
                    continue
                channel = self._channels.named(job.provider)
                step = after_lost_lease(
                    attempts=job.attempts,
                    max_attempts=self._settings.max_attempts,
                    resend_is_safe=channel is not None and channel.resend_is_safe,
                    now=now,
                )
                await settle(connection, job, step, now, outcome="unknown", detail=step.error)
                _log.warning("lease_lost", notification=job.id, state=step.state)

    async def _ask(self, job: Job) -> None:
        channel = self._channels.named(job.provider)
        if job.ref:
            receipt = await channel.receipt(job.ref) if channel else None
            now = self._clock()
            step = after_receipt(receipt, accepted_at=job.since, now=now)
            outcome = {Delivered: "delivered", Refusal: "refused"}.get(type(receipt)) if receipt else None
            detail = receipt.detail if receipt else ""
        else:
            answer = await channel.find(job.message, job.since) if channel else None
            now = self._clock()
            step = after_question(
                answer,
                attempted_at=job.since,
                attempts=job.attempts,
                max_attempts=self._settings.max_attempts,
                now=now,
            )
            outcome = {State.accepted: "accepted", State.pending: "transient", State.failed: "refused"}.get(step.state)
            detail = answer.detail if isinstance(answer, Accepted) else step.error
        async with self._database.write() as connection:
            await settle(connection, job, step, now, outcome=outcome, detail=detail)

    def _open_channel(self, kind: Kind) -> Channel | None:
        """The preferred provider whose gate is open."""
        now = self._clock()
        return next((one for one in self._channels.of(kind) if self._gates[one.name].room(now) > 0), None)

    async def _due(self, kind: Kind) -> bool:
        now = self._clock()
        due = select(
            exists().where(
                notifications.c.channel == kind,
                or_(
                    (notifications.c.state == State.pending) & (notifications.c.next_attempt_at <= now),
                    (notifications.c.state == State.sending) & (notifications.c.lease_until <= now),
                ),
            )
        )
        async with self._database.read() as connection:
            return bool((await connection.execute(due)).scalar_one())

    async def _suppress_what_cannot_go(self) -> None:
        """Notices that waited when their provider was taken out of the settings: say so, do not wait for ever."""
        reasons: dict[Kind, str] = {"sms": NO_SMS_PROVIDER, "mail": NO_MAIL_SERVER}
        for kind in KINDS:
            if self._channels.of(kind):
                continue
            async with self._database.write() as connection:
                await connection.execute(
                    update(notifications)
                    .where(notifications.c.channel == kind, notifications.c.state == State.pending)
                    .values(state=State.suppressed, last_error=reasons[kind], updated_at=self._clock())
                )

    async def _pump(self, name: str, work: Callable[[], Awaitable[bool]], stop: asyncio.Event) -> None:
        while not stop.is_set():
            pause = self._settings.poll_seconds
            try:
                if await work():
                    continue
            except Exception:
                _log.exception("loop_failed", loop=name, again_in_s=AFTER_AN_ERROR)
                pause = AFTER_AN_ERROR
            try:
                async with asyncio.timeout(pause):
                    await stop.wait()
            except TimeoutError:
                continue


def _word(outcome: Outcome | NotFound) -> str:
    """As `deliveries.outcome` has it."""
    words = {Accepted: "accepted", TryLater: "transient", Refusal: "refused", Unknown: "unknown"}
    return words[type(outcome)]
