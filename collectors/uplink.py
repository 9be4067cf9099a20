"""Uploads batches to the centre in order, each until it is answered for: nothing lost, nothing sent in vain.

The contract is docs/architecture.md, "Upload". One batch is under way at a time, so that order and acknowledgement
need no bookkeeping; a batch whose answer was lost goes again with the same numbers, and the centre cuts what it has.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

import msgspec
import structlog
import zstandard

from collectors.http import Client, Response
from collectors.identity import Identity, sentence
from jikimi.clock import Clock, utc_now
from jikimi.domain.event import EventBatch, encode_envelope
from jikimi.errors import Refused, Transient

_LOOK_SECONDS = 5.0
_CREDIT_SECONDS = 0.25
_LONGEST_WAIT = 300.0
_REJECTED = {400, 413, 415, 422}

_log = structlog.get_logger()


class Outgoing(Protocol):
    """Where batches come from: collectors.spool.Spool, or a replay's files."""

    async def next(self, timeout: float) -> EventBatch | None:
        """The oldest batch, the same one until `acked` or `rejected`; None when there was none for `timeout` s."""
        ...

    async def acked(self, batch: EventBatch) -> None:
        """The centre answers for `batch`."""
        ...

    async def rejected(self, batch: EventBatch, reason: str) -> None:
        """The centre will never take `batch`."""
        ...


class Receipt(msgspec.Struct, frozen=True):
    """The centre's answer."""

    acked_through: int
    credit: int
    accepted: int = 0
    duplicates: int = 0
    dead_lettered: int = 0


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds before the n-th retry: between half and all of `first`·2ⁿ⁻¹, at most `longest` (RFC 9110's Retry-After
    is the least, when the centre states it)."""

    first: float = 0.5
    longest: float = 60.0

    def seconds(self, retry: int, at_least: float = 0.0) -> float:
        full = min(self.longest, self.first * 2.0 ** min(retry - 1, 30))
        jittered = full * (0.5 + random.random() / 2)  # noqa: S311 - spreads agents out, guards nothing
        return min(_LONGEST_WAIT, max(at_least, jittered))


@dataclass
class Sent:
    """What became of the events so far; `rejected` batches were refused whole, `lost` was declared missing."""

    events: int = 0
    accepted: int = 0
    duplicates: int = 0
    dead_lettered: int = 0
    rejected: int = 0
    lost: int = 0
    retries: int = 0
    last_error: str = ""


class _Retry(Exception):
    """Try the same batch again, after `after` seconds at least."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after


class Uplink:
    """`run` until cancelled; `drain` until there is nothing left. `sent` can be read at any time."""

    def __init__(
        self,
        client: Client,
        identity: Identity,
        outgoing: Outgoing,
        *,
        backoff: Backoff = Backoff(),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Clock = utc_now,
        most_retries: int | None = None,
    ) -> None:
        """`most_retries` in a row of one batch before Transient leaves `run`; None never gives up (an agent's way)."""
        self._client = client
        self._identity = identity
        self._outgoing = outgoing
        self._backoff = backoff
        self._sleep = sleep
        self._clock = clock
        self._most_retries = most_retries
        self._compress = zstandard.ZstdCompressor(level=1).compress
        self._credit: int | None = None
        self.sent = Sent()

    async def run(self) -> None:
        """Send whatever comes, for ever. Raises Refused when the centre will not have this agent any more."""
        while True:
            batch = await self._outgoing.next(_LOOK_SECONDS)
            if batch is not None:
                await self._deliver(batch)

    async def drain(self) -> None:
        """Send until `next` has nothing at once. Raises as `run`, and Transient when `most_retries` are used up."""
        while (batch := await self._outgoing.next(0.0)) is not None:
            await self._deliver(batch)

    async def _deliver(self, batch: EventBatch) -> None:
        retry, lost = 0, ""
        while True:
            try:
                await self._await_credit(batch)
                lost = await self._attempt(batch, lost)
                if not lost:
                    return
            except _Retry as again:
                retry += 1
                self.sent.retries += 1
                self.sent.last_error = str(again)
                if self._most_retries is not None and retry > self._most_retries:
                    raise Transient(str(again)) from again
                wait = self._backoff.seconds(retry, again.after)
                if retry & (retry - 1) == 0:  # 1, 2, 4, 8, …: a long night gives few lines
                    _log.warning("upload_delayed", reason=str(again), retry=retry, seconds=round(wait, 1))
                await self._sleep(wait)
                if (fresh := await self._outgoing.next(0.0)) is not None and fresh.envelope != batch.envelope:
                    batch, retry, lost = fresh, 0, ""  # the old one made room while the line was down

    async def _attempt(self, batch: EventBatch, lost: str) -> str:
        """ "" when the batch is done with, else the range to declare lost when it goes again."""
        response = await self._post(batch, lost)
        status, envelope = response.status_code, batch.envelope
        if status == 200:
            receipt = _receipt(response)
            if receipt.acked_through < envelope.last_seq:
                raise _Retry(f"the centre answers for {receipt.acked_through} only, not for {envelope.last_seq}")
            self._count(batch, receipt)
            await self._outgoing.acked(batch)
        elif status == 409 and (expected := _expected(response)) is not None and expected < envelope.first_seq:
            self.sent.lost += envelope.first_seq - expected
            return f"{expected}-{envelope.first_seq - 1}"
        elif status in _REJECTED:
            self.sent.rejected += envelope.count
            _log.error("batch_refused", reason=sentence(response), events=envelope.count)
            await self._outgoing.rejected(batch, sentence(response))
        else:
            raise _Retry(f"the centre cannot take it now: {sentence(response)}", _retry_after(response, self._clock()))
        return ""

    async def _post(self, batch: EventBatch, lost: str = "") -> Response:
        """Raises _Retry when no answer came, Refused for 401 and 403."""
        envelope = msgspec.structs.replace(batch.envelope, sent_at=self._clock())
        headers = {
            "Authorization": f"Bearer {self._identity.credential}",
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "zstd",
        }
        if lost:
            headers["Jikimi-Lost"] = lost
        content = self._compress(encode_envelope(envelope) + b"\n" + batch.block)
        url = f"{self._identity.url}/v1/batches"
        try:
            response = await self._client.request("POST", url, content=content, headers=headers)
        except Transient as error:
            raise _Retry(str(error)) from error
        if response.status_code in (401, 403):
            raise Refused(f"{self._identity.url} refuses this agent: {sentence(response)}")
        return response

    async def _await_credit(self, batch: EventBatch) -> None:
        """Wait while the last credit is smaller than the batch and still growing; asks with an empty batch."""
        waits = 0
        while self._credit is not None and self._credit < len(batch.block):
            before = self._credit
            await self._sleep(min(_CREDIT_SECONDS * 2.0 ** min(waits, 4), 4.0))
            waits += 1
            empty = EventBatch(msgspec.structs.replace(batch.envelope, count=0), b"")
            response = await self._post(empty)
            if response.status_code != 200:
                raise _Retry(sentence(response), _retry_after(response, self._clock()))
            self._credit = _receipt(response).credit
            if 0 < self._credit == before:
                return  # more is not to be had: a batch that fits no credit at all must not wait for ever

    def _count(self, batch: EventBatch, receipt: Receipt) -> None:
        self._credit = receipt.credit
        self.sent.events += batch.envelope.count
        self.sent.accepted += receipt.accepted
        self.sent.duplicates += receipt.duplicates
        self.sent.dead_lettered += receipt.dead_lettered


def _receipt(response: Response) -> Receipt:
    try:
        return msgspec.json.decode(response.content, type=Receipt)
    except msgspec.MsgspecError as error:
        raise _Retry(f"the answer is not a receipt: {error}") from error


class _Gap(msgspec.Struct):
    expected: int


def _expected(response: Response) -> int | None:
    try:
        return msgspec.json.decode(response.content, type=_Gap).expected
    except msgspec.MsgspecError:
        return None


def _retry_after(response: Response, now: datetime) -> float:
    """Seconds of Retry-After (RFC 9110, 10.2.3: a number, or a date); 0 without one."""
    stated = response.headers.get("retry-after", "").strip()
    if stated.isascii() and stated.isdigit():
        return float(stated[:6])
    try:
        until = parsedate_to_datetime(stated)
    except ValueError:
        return 0.0
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())
