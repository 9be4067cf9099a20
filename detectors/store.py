"""What a batch of findings does to the database, on the caller's connection, so that it commits with the offset."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.incidents import Advice, Book, Incident, Key, Lead, keys_of
from jikimi.domain.finding import Finding
from jikimi.storage.schema import changes, findings, incident_history, incident_keys, incidents, outbox

_FIELDS = [field.name for field in msgspec.structs.fields(Incident)]
_COLUMNS = [incidents.c[name] for name in _FIELDS]


async def record_findings(
    connection: AsyncConnection, batch: Sequence[Finding], advice: Mapping[str, Advice], now: datetime
) -> int:
    """Write the findings, the incidents they make or join, history, outbox and the live console's changes.

    A finding already known is not written again: when its exact event count rose (a correlation that goes on), the row
    and its incident are brought up to it. Returns how many findings are new.
    """
    if not batch:
        return 0
    known = await _known(connection, batch)
    book = await _open_book(connection, batch, known, now)
    fresh: dict[str, Finding] = {}
    homes: dict[str, str] = {}
    for finding in batch:
        if finding.id in fresh:
            book.grow(finding, homes[finding.id], fresh[finding.id].event_count)
            fresh[finding.id] = finding
        elif (before := known.get(finding.id)) is None:
            fresh[finding.id] = finding
            homes[finding.id] = book.add(finding, advice.get(finding.rule_id, Advice())).id
        elif finding.event_count > before.event_count:
            book.grow(finding, before.incident_id, before.event_count)
            await _grow_row(connection, finding)
            known[finding.id] = Known(before.incident_id, finding.event_count)
    await _save_book(connection, book, now)
    if fresh:
        rows = [_finding_row(finding, homes[finding.id], now) for finding in fresh.values()]
        await connection.execute(findings.insert(), rows)
    return len(fresh)


class Known(NamedTuple):
    """What the database already holds of a finding."""

    incident_id: str
    event_count: int


async def _known(connection: AsyncConnection, batch: Sequence[Finding]) -> dict[str, Known]:
    rows: dict[str, Known] = {}
    for ids in _chunks(sorted({finding.id for finding in batch})):
        query = select(findings.c.id, findings.c.incident_id, findings.c.event_count).where(findings.c.id.in_(ids))
        rows |= {row.id: Known(row.incident_id, row.event_count) for row in await connection.execute(query)}
    return rows


async def _open_book(
    connection: AsyncConnection, batch: Sequence[Finding], known: Mapping[str, Known], now: datetime
) -> Book:
    leads = await _read_leads(connection, {key for finding in batch for key in keys_of(finding)})
    wanted = {lead.incident_id for lead in leads.values()} | {row.incident_id for row in known.values()}
    loaded: list[Incident] = []
    for ids in _chunks(sorted(wanted)):
        rows = await connection.execute(select(*_COLUMNS).where(incidents.c.id.in_(ids)))
        loaded += [msgspec.convert({name: getattr(row, name) for name in _FIELDS}, Incident) for row in rows]
    highest = (await connection.execute(select(func.max(incidents.c.number)))).scalar_one() or 0
    return Book(loaded, leads, next_number=highest + 1, now=now)


async def _read_leads(connection: AsyncConnection, keys: set[Key]) -> dict[Key, Lead]:
    leads: dict[Key, Lead] = {}
    for tenant_id in {tenant_id for tenant_id, _ in keys}:
        for some in _chunks(sorted(key for owner, key in keys if owner == tenant_id)):
            rows = await connection.execute(
                select(incident_keys).where(incident_keys.c.tenant_id == tenant_id, incident_keys.c.key.in_(some))
            )
            leads |= {(row.tenant_id, row.key): Lead(row.incident_id, row.last_time) for row in rows}
    return leads


async def _save_book(connection: AsyncConnection, book: Book, now: datetime) -> None:
    for incident in book.changed.values():
        row = _incident_row(incident)
        if incident.version == 1:
            await connection.execute(incidents.insert().values(row))
        else:
            await connection.execute(update(incidents).where(incidents.c.id == incident.id).values(row))
    for (tenant_id, key), lead in book.leads_changed.items():
        await connection.execute(
            incident_keys.delete().where(incident_keys.c.tenant_id == tenant_id, incident_keys.c.key == key)
        )
        await connection.execute(incident_keys.insert().values(tenant_id=tenant_id, key=key, **lead._asdict()))
    if book.history:
        await connection.execute(
            incident_history.insert(), [entry._asdict() | {"at": now, "actor": "jikimi"} for entry in book.history]
        )
    if book.changed:
        await connection.execute(
            changes.insert(),
            [
                {"tenant_id": incident.tenant_id, "incident_id": incident.id, "kind": "incident", "at": now}
                for incident in book.changed.values()
            ],
        )
    if notices := book.notices():
        await connection.execute(
            outbox.insert(),
            [
                {
                    "id": uuid.uuid5(uuid.NAMESPACE_URL, notice.dedup_key).hex,
                    "tenant_id": notice.incident.tenant_id,
                    "incident_id": notice.incident.id,
                    "kind": notice.kind,
                    "risk": int(notice.incident.risk),
                    "title_ko": notice.incident.title_ko,
                    "title_en": notice.incident.title_en,
                    "dedup_key": notice.dedup_key,
                    "created_at": now,
                }
                for notice in notices
            ],
        )


async def _grow_row(connection: AsyncConnection, finding: Finding) -> None:
    await connection.execute(
        update(findings)
        .where(findings.c.id == finding.id)
        .values(
            event_count=finding.event_count,
            time=finding.time,
            title_ko=finding.title_ko,
            title_en=finding.title_en,
            event=finding.event,
            event_ids=list(finding.event_ids),
        )
    )


def _incident_row(incident: Incident) -> dict[str, Any]:
    row = msgspec.structs.asdict(incident)
    return row | {
        "risk": int(incident.risk),
        "rules": {rule_id: msgspec.to_builtins(tally) for rule_id, tally in incident.rules.items()},
    }


def _finding_row(finding: Finding, incident_id: str, now: datetime) -> dict[str, Any]:
    row = msgspec.structs.asdict(finding)
    return row | {
        "incident_id": incident_id,
        "risk": int(finding.risk),
        "logsource": msgspec.to_builtins(finding.logsource),
        "event_ids": list(finding.event_ids),
        "tags": list(finding.tags),
        "created_at": now,
    }


def _chunks(values: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    """SQLite and PostgreSQL both bound the parameters of a statement."""
    return (values[i : i + size] for i in range(0, len(values), size))
