"""Event batches as the Arrow table that the event store takes: one row an event, its canonical bytes untouched."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

import msgspec
import orjson
import pyarrow as pa

from jikimi.domain.event import EventBatch, block_of, event_time, parse_time
from jikimi.storage.event_query import micros

Spool = tuple[str, str]
"""(agent id, spool epoch)"""

_MOMENT = pa.timestamp("us", "UTC")
SCHEMA = pa.schema(
    [
        ("tenant_id", pa.string()),
        ("time", _MOMENT),
        ("received_at", _MOMENT),
        ("device_id", pa.string()),
        ("agent_id", pa.string()),
        ("epoch", pa.string()),
        ("seq", pa.int64()),
        ("product", pa.string()),
        ("category", pa.string()),
        ("service", pa.string()),
        ("raw", pa.binary()),
    ]
)
_EARLIEST = micros(datetime(1900, 1, 1, tzinfo=UTC))  # DateTime64's range
_LATEST = micros(datetime(2262, 1, 1, tzinfo=UTC))
_STAMP = re.compile(rb'"@timestamp":"([^"\\]+)"')


def rows_of(batches: Sequence[EventBatch]) -> pa.Table:
    """The table; an event without a readable time stands under the time it was received."""
    columns: dict[str, list[object]] = {name: [] for name in SCHEMA.names}
    for batch in batches:
        envelope, lines = batch.envelope, list(batch.lines())
        received = micros(envelope.received_at or envelope.sent_at)
        count, source = len(lines), envelope.logsource
        columns["tenant_id"] += [envelope.tenant_id] * count
        columns["time"] += [_micros_of(line, received) for line in lines]
        columns["received_at"] += [received] * count
        columns["device_id"] += [envelope.device_id] * count
        columns["agent_id"] += [envelope.agent_id] * count
        columns["epoch"] += [envelope.epoch] * count
        columns["seq"] += range(envelope.first_seq, envelope.first_seq + count)
        columns["product"] += [source.product or ""] * count
        columns["category"] += [source.category or ""] * count
        columns["service"] += [source.service or ""] * count
        columns["raw"] += lines
    return pa.table({name: pa.array(columns[name], SCHEMA.field(name).type) for name in SCHEMA.names}, schema=SCHEMA)


def _micros_of(line: bytes, otherwise: int) -> int:
    try:
        stamp = _STAMP.search(line)
        # A second brace may open a nested object with a time of its own: only then is the event decoded.
        if stamp is not None and line.count(b"{") == 1:
            moment = micros(parse_time(stamp[1].decode()))
        else:
            moment = micros(event_time(orjson.loads(line)))
    except (ValueError, OverflowError, AttributeError):
        return otherwise
    return min(max(moment, _EARLIEST), _LATEST)


def spans(batches: Sequence[EventBatch]) -> dict[Spool, tuple[str, int, int]]:
    """(tenant id, lowest, highest number) of each spool."""
    found: dict[Spool, tuple[str, int, int]] = {}
    for batch in batches:
        envelope = batch.envelope
        spool = (envelope.agent_id, envelope.epoch)
        _, first, last = found.get(spool, ("", envelope.first_seq, envelope.last_seq))
        found[spool] = (envelope.tenant_id, min(first, envelope.first_seq), max(last, envelope.last_seq))
    return found


def without(batches: Sequence[EventBatch], present: Mapping[Spool, Collection[int]]) -> list[EventBatch]:
    """The events whose numbers are not present, in batches of consecutive numbers."""
    rest = []
    for batch in batches:
        envelope = batch.envelope
        known = present.get((envelope.agent_id, envelope.epoch), ())
        numbered = enumerate(batch.lines(), envelope.first_seq)
        for absent, run in groupby(numbered, key=lambda pair: pair[0] not in known):
            if absent:
                pairs = list(run)
                part = msgspec.structs.replace(envelope, first_seq=pairs[0][0], count=len(pairs))
                rest.append(EventBatch(part, block_of(line for _, line in pairs)))
    return rest
