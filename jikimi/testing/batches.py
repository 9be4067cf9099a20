"""Event batches for tests: real bytes, times that advance, names from RFC 5737 and RFC 2606."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from jikimi.domain.event import (
    TIMESTAMP,
    Envelope,
    Event,
    EventBatch,
    block_of,
    canonical,
    encode_envelope,
    format_time,
)
from jikimi.domain.logsource import FILE_ACCESS, LogSource
from jikimi.stream.port import NewRecord

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def events_of(count: int, *, start: datetime = NOON, **fields: object) -> list[Event]:
    """`count` events a second apart, each with its number."""
    return [{TIMESTAMP: format_time(start + timedelta(seconds=n)), "Number": n, **fields} for n in range(count)]


def batch_of(
    events: Iterable[Event],
    *,
    tenant_id: str = "tenant",
    agent_id: str = "agent",
    device_id: str = "device",
    epoch: str = "epoch",
    first_seq: int = 0,
    logsource: LogSource = FILE_ACCESS,
    received_at: datetime = NOON,
) -> EventBatch:
    """As ingest appends it to the log."""
    lines = [canonical(event) for event in events]
    envelope = Envelope(
        agent_id=agent_id,
        epoch=epoch,
        first_seq=first_seq,
        count=len(lines),
        logsource=logsource,
        sent_at=received_at,
        tenant_id=tenant_id,
        device_id=device_id,
        received_at=received_at,
    )
    return EventBatch(envelope, block_of(lines))


def record_of(batch: EventBatch) -> NewRecord:
    """As ingest hands it to the log."""
    envelope = encode_envelope(batch.envelope)
    return NewRecord(batch.envelope.tenant_id.encode(), batch.block, {"envelope": envelope})
