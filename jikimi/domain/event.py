"""Events and the batch they travel in.

An *event* is one observation: a flat JSON object whose field names are Sigma's taxonomy for its log source,
plus `@timestamp` (RFC 3339, UTC, ends in Z), which every canonical event carries.

An *event batch* is an NDJSON block of canonical events of one agent and one log source under one envelope.
The same bytes are a spool record, an upload body, a log record and the event store's insert.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson

from jikimi.domain.logsource import LogSource
from jikimi.errors import Poison

Event = dict[str, Any]

TIMESTAMP = "@timestamp"
MAX_BATCH_BYTES = 256 * 1024
MAX_EVENT_BYTES = 64 * 1024


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a whole batch.

    `epoch` names one life of the agent's spool; sequence numbers rise by one an event within it, so event *i* of
    the block is `first_seq + i`. An agent leaves `tenant_id`, `device_id` and `received_at` empty: ingest fills
    them from the credential and its own clock, never from the payload.
    """

    agent_id: str
    epoch: str
    first_seq: int
    count: int
    logsource: LogSource
    sent_at: datetime
    tenant_id: str = ""
    device_id: str = ""
    received_at: datetime | None = None

    @property
    def last_seq(self) -> int:
        return self.first_seq + self.count - 1


class EventBatch(msgspec.Struct, frozen=True):
    """An envelope and its NDJSON block (each event ends in a newline)."""

    envelope: Envelope
    block: bytes

    def lines(self) -> Iterator[bytes]:
        """The events' canonical bytes, in order, without newlines."""
        return (line for line in self.block.split(b"\n") if line)

    def events(self) -> Iterator[Event]:
        """The events, decoded."""
        return (orjson.loads(line) for line in self.lines())


def event_id(agent_id: str, epoch: str, seq: int) -> str:
    """The one name of an event, known to agent and centre alike."""
    return f"{agent_id}.{epoch}.{seq}"


def encode_envelope(envelope: Envelope) -> bytes:
    return msgspec.json.encode(envelope)


_decode_envelope = msgspec.json.Decoder(Envelope).decode


def decode_envelope(raw: bytes) -> Envelope:
    """Raises Poison when the bytes are not an envelope."""
    try:
        envelope = _decode_envelope(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Poison(f"not a batch envelope: {error}") from error
    if envelope.sent_at.tzinfo is None:
        raise Poison("not a batch envelope: sent_at has no time zone")
    return envelope


def canonical(event: Event) -> bytes:
    """The canonical bytes of one event: UTF-8, no needless escapes, no spaces, keys as they came."""
    return orjson.dumps(event)


def block_of(lines: Iterable[bytes]) -> bytes:
    """NDJSON block of canonical lines."""
    return b"".join(line + b"\n" for line in lines)


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds, `2026-11-22T02:13:00.000000Z`: sorts as text."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat("T", "microseconds")[:26] + "Z"


def parse_time(text: str) -> datetime:
    """Aware UTC time of an RFC 3339 text. Raises ValueError for anything else, also for a time without a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:  # an hour before year 1 or after 9999
        raise ValueError(f"{text!r} is no time of the calendar") from error


def event_time(event: Event) -> datetime:
    """When the event happened. Raises ValueError when `@timestamp` is missing or not RFC 3339."""
    stamp = event.get(TIMESTAMP)
    if not isinstance(stamp, str):
        raise ValueError(f"event has no {TIMESTAMP}")
    return parse_time(stamp)
