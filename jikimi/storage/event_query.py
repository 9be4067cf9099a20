"""What can be asked of the event store, and the SQL that asks it: values travel as parameters, never as text.

The SQL stays in the subset that chDB lite and ClickHouse share (chDB lite has no `lowerUTF8`): equality without case is
"found at position 1, and as long".
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson

from jikimi.domain.logsource import LogSource
from jikimi.domain.scope import TenantScope

MAX_LIMIT = 10_000

Where = tuple[str, dict[str, Any]]
"""A condition and its parameters."""


class StoredEvent(msgspec.Struct, frozen=True):
    """One event as kept: its canonical JSON bytes and what the envelope knew."""

    event_id: str
    tenant_id: str
    device_id: str
    agent_id: str
    time: datetime
    received_at: datetime
    logsource: LogSource
    raw: bytes


class EventQuery(msgspec.Struct, frozen=True):
    """All conditions must hold.

    `since <= event time < until`. Of `logsource` only what is stated must be equal, so `LogSource(product="windows")`
    finds every Windows event. `fields` are exact values of top-level fields, compared without case; a number, true or
    false is named as JSON writes it. `text` stands anywhere in the event, names of fields too, compared without case.
    At most `limit` (1 to 10,000) events are given.
    """

    scope: TenantScope
    since: datetime | None = None
    until: datetime | None = None
    device_id: str | None = None
    logsource: LogSource | None = None
    fields: tuple[tuple[str, str], ...] = ()
    text: str | None = None
    limit: int = 100


def in_scope(scope: TenantScope) -> Where:
    """The tenant scope, the first condition of every query."""
    if scope.tenant_ids is None:
        return "1", {}
    return "tenant_id IN {tenants:Array(String)}", {"tenants": sorted(scope.tenant_ids)}


def matching(query: EventQuery) -> Where:
    """Every condition of a query, its scope first."""
    parts = [in_scope(query.scope)]
    if query.since is not None:
        parts.append(("time >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')", {"since": micros(query.since)}))
    if query.until is not None:
        parts.append(("time < fromUnixTimestamp64Micro({until:Int64}, 'UTC')", {"until": micros(query.until)}))
    if query.device_id is not None:
        parts.append(("device_id = {device:String}", {"device": query.device_id}))
    if query.logsource is not None:
        parts += [
            (f"{part} = {{{part}:String}}", {part: value})
            for part in ("product", "category", "service")
            if (value := getattr(query.logsource, part)) is not None
        ]
    if query.text:
        parts.append(_contains("raw", "text", _as_written(query.text)))
    parts += [_field_equals(n, name, value) for n, (name, value) in enumerate(query.fields)]
    return _all_of(parts)


def following(scope: TenantScope, tenant_id: str, since: datetime, until: datetime, last: StoredEvent | None) -> Where:
    """One company's events of a time, those after `last` in the table's own order (time, agent, epoch, number)."""
    query = EventQuery(scope, since if last is None else max(since, last.time), until)
    parts = [matching(query), ("tenant_id = {tenant:String}", {"tenant": tenant_id})]
    if last is not None:
        agent_epoch, _, seq = last.event_id.rpartition(".")
        moment = "fromUnixTimestamp64Micro({last:Int64}, 'UTC')"
        further = f"(time, agent_id, epoch, seq) > ({moment}, {{agent:String}}, {{epoch:String}}, {{seq:Int64}})"
        epoch = agent_epoch.removeprefix(f"{last.agent_id}.")
        parts.append((further, {"last": micros(last.time), "agent": last.agent_id, "epoch": epoch, "seq": int(seq)}))
    return _all_of(parts)


def named(scope: TenantScope, event_ids: Sequence[str]) -> Where:
    """These events, in scope; the bloom filter on `seq` leaves most of the table unread."""
    numbers = [int(tail) for i in event_ids if (tail := i.rpartition(".")[2]).isdecimal() and len(tail) < 19]
    return _all_of(
        [
            in_scope(scope),
            ("seq IN {seqs:Array(Int64)}", {"seqs": numbers}),
            ("concat(agent_id, '.', epoch, '.', toString(seq)) IN {ids:Array(String)}", {"ids": list(event_ids)}),
        ]
    )


def micros(moment: datetime) -> int:
    """Microseconds since 1970. Raises ValueError for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    span = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


def _field_equals(n: int, name: str, value: str) -> Where:
    """The first condition is cheap and spares most events the JSON parser."""
    written, parameters = _contains("raw", f"written{n}", _as_written(value))
    field, wanted = f"{{field{n}:String}}", f"{{value{n}:String}}"
    text = f"JSONExtractString(raw, {field})"
    sql = (
        f"{written} AND if(JSONType(raw, {field}) = 'String', "
        f"positionCaseInsensitiveUTF8({text}, {wanted}) = 1 AND lengthUTF8({text}) = lengthUTF8({wanted}), "
        f"JSONExtractRaw(raw, {field}) = {wanted} AND JSONHas(raw, {field}))"
    )
    return sql, {**parameters, f"field{n}": name, f"value{n}": value}


def _contains(column: str, name: str, value: str) -> Where:
    return f"positionCaseInsensitiveUTF8({column}, {{{name}:String}}) > 0", {name: value}


def _as_written(value: str) -> str:
    r"""As canonical JSON writes it inside quotes: `C:\x` stands there as `C:\\x`."""
    return orjson.dumps(value).decode()[1:-1]


def _all_of(parts: Sequence[Where]) -> Where:
    parameters: dict[str, Any] = {}
    for _, more in parts:
        parameters |= more
    return " AND ".join(f"({sql})" for sql, _ in parts), parameters
