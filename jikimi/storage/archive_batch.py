"""What one partition's records mean for the archive: rows to store, duplicates cut, poison set aside. Pure."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from jikimi.domain.event import EventBatch, block_of, decode_envelope
from jikimi.errors import Poison
from jikimi.storage.progress import Spool
from jikimi.stream.port import Record, TopicPartition


@dataclass(slots=True)
class PartitionBatch:
    """`seen` holds, for each spool met, the last sequence number taken once this batch is stored."""

    source: TopicPartition
    next_offset: int
    batches: list[EventBatch] = field(default_factory=list)
    seen: dict[Spool, int] = field(default_factory=dict)
    stored: Counter[str] = field(default_factory=Counter)
    duplicates: Counter[str] = field(default_factory=Counter)
    poison: list[tuple[Record, str]] = field(default_factory=list)

    @property
    def token(self) -> str:
        """The insert's name: equal for equal rows of equal records, different for anything else.

        The rows' names are part of it, so that a log which began anew at offset 0 never meets a token of its past.
        """
        names = [(b.envelope.agent_id, b.envelope.epoch, b.envelope.first_seq, b.envelope.count) for b in self.batches]
        digest = hashlib.sha256(repr(names).encode()).hexdigest()[:16]
        return f"{self.source.topic}/{self.source.partition}/{self.next_offset}/{digest}"


def batch_of_record(record: Record) -> EventBatch:
    """Raises Poison when the record is not what ingest appends."""
    header = record.headers.get("envelope")
    if header is None:
        raise Poison("the record has no envelope")
    batch = EventBatch(decode_envelope(header), record.value)
    envelope = batch.envelope
    if not (envelope.tenant_id and envelope.device_id and envelope.received_at):
        raise Poison("the envelope was not completed by ingest")
    if envelope.tenant_id.encode() != record.key:
        raise Poison("the envelope names another company than the record's key")
    lines = sum(1 for _ in batch.lines())
    if lines != envelope.count:
        raise Poison(f"the envelope tells of {envelope.count} events, the block holds {lines}")
    return batch


def spools_of(records: Iterable[Record]) -> set[Spool]:
    """Whose high-water marks are needed to read these records."""
    spools = set()
    for record in records:
        try:
            envelope = decode_envelope(record.headers.get("envelope", b""))
        except Poison:
            continue  # `read` sets it aside with its reason
        spools.add((envelope.agent_id, envelope.epoch))
    return spools


def read(source: TopicPartition, records: Sequence[Record], through: Mapping[Spool, int]) -> PartitionBatch:
    """Take every event above its spool's mark once. `through` is -1 for a spool never met."""
    result = PartitionBatch(source, records[-1].offset + 1)
    for record in records:
        try:
            batch = batch_of_record(record)
        except Poison as error:
            result.poison.append((record, str(error)))
            continue
        envelope = batch.envelope
        spool = (envelope.agent_id, envelope.epoch)
        mark = result.seen.get(spool, through.get(spool, -1))
        fresh = after(batch, mark)
        result.duplicates[envelope.tenant_id] += envelope.count - fresh.envelope.count
        if fresh.envelope.count:
            result.batches.append(fresh)
            result.stored[envelope.tenant_id] += fresh.envelope.count
        result.seen[spool] = max(mark, envelope.last_seq)
    return result


def after(batch: EventBatch, mark: int) -> EventBatch:
    """The events whose sequence number is above `mark`."""
    envelope = batch.envelope
    cut = min(max(mark + 1 - envelope.first_seq, 0), envelope.count)
    if cut == 0:
        return batch
    rest = msgspec.structs.replace(envelope, first_seq=envelope.first_seq + cut, count=envelope.count - cut)
    return EventBatch(rest, block_of(list(batch.lines())[cut:]))
