"""The tables of the life of rules, read as a snapshot and written with the findings of a batch."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.release.exceptions import TenantException, read_filter
from detectors.release.life import Life
from detectors.release.stages import Stage
from detectors.release.tally import Quarantine, Tally
from detectors.sigma.rule import Rule
from jikimi.errors import Misconfigured
from jikimi.storage.schema import (
    rule_exceptions,
    rule_history,
    rule_hits,
    rule_quarantine,
    rule_release,
    rule_stages,
)
from jikimi.storage.upsert import Insert, insert, insert_for

log = structlog.get_logger(__name__)

_RELEASE = "rules"


class Versions(NamedTuple):
    """Which state of the rules the database holds; each number only rises."""

    life: int = 0
    content: int = 0
    bundle: int = 0


async def read_versions(connection: AsyncConnection) -> Versions:
    columns = (rule_release.c.life_version, rule_release.c.content_version, rule_release.c.bundle_version)
    row = (await connection.execute(select(*columns).where(rule_release.c.id == _RELEASE))).one_or_none()
    return Versions(*row) if row is not None else Versions()


async def raise_versions(connection: AsyncConnection, *, content: bool = False, bundle: int | None = None) -> Versions:
    """Workers take up what changed in this transaction; with `content` they read the rule files again."""
    fresh = insert(connection, rule_release).values(
        id=_RELEASE, life_version=1, content_version=int(content), bundle_version=bundle or 0
    )
    raised = {
        "life_version": rule_release.c.life_version + 1,
        "content_version": rule_release.c.content_version + int(content),
        "bundle_version": bundle if bundle is not None else rule_release.c.bundle_version,
    }
    done = fresh.on_conflict_do_update(index_elements=["id"], set_=raised).returning(
        rule_release.c.life_version, rule_release.c.content_version, rule_release.c.bundle_version
    )
    return Versions(*(await connection.execute(done)).one())


async def read_life(connection: AsyncConnection, rules: Mapping[str, Rule], now: datetime) -> Life:
    """Stages, quarantine and living exceptions; one that no longer fits its changed rule is left out and logged."""
    stages = await connection.execute(select(rule_stages.c.rule_id, rule_stages.c.stage))
    barred = await connection.execute(select(rule_quarantine))
    granted = await connection.execute(
        select(rule_exceptions).where(rule_exceptions.c.withdrawn_at.is_(None), rule_exceptions.c.expires_at > now)
    )
    return Life(
        {row.rule_id: Stage(row.stage) for row in stages},
        {(row.rule_id, row.tenant_id): (row.rule_version, row.reason) for row in barred},
        [one for row in granted if (one := _exception(row, rules)) is not None],
    )


def _exception(row: Row[Any], rules: Mapping[str, Rule]) -> TenantException | None:
    rule = rules.get(row.rule_id)
    if rule is None:
        return None
    try:
        meant = read_filter(row.filter, rule, rules)
    except Misconfigured as error:
        log.error("exception_no_longer_fits", exception=row.id, rule=rule.id, reason=str(error))
        return None
    return TenantException(row.id, row.tenant_id, rule.id, meant, row.expires_at)


async def write_tally(connection: AsyncConnection, tally: Tally, now: datetime) -> None:
    """What was counted, and who is in quarantine from now on."""
    hits = [
        {**key._asdict(), "stage": str(key.stage), "hits": found.count, "event_ids": found.event_ids}
        for key, found in sorted(tally.hits.items())
    ]
    if hits:
        await connection.execute(_count_hits(connection.dialect.name), hits)
    for exception_id, n in sorted(tally.suppressed.items()):
        await connection.execute(
            update(rule_exceptions)
            .where(rule_exceptions.c.id == exception_id)
            .values(suppressed=rule_exceptions.c.suppressed + n, last_suppressed_at=now)
        )
    await _bar(connection, tally.quarantined.values(), now)
    for (rule_id, tenant_id), n in sorted(tally.overflow.items()):
        await connection.execute(
            update(rule_quarantine)
            .where(rule_quarantine.c.rule_id == rule_id, rule_quarantine.c.tenant_id == tenant_id)
            .values(overflow=rule_quarantine.c.overflow + n)
        )


async def write_history(
    connection: AsyncConnection,
    kind: str,
    *,
    at: datetime,
    actor: str,
    rule_id: str = "",
    tenant_id: str = "*",
    detail: Mapping[str, object],
) -> None:
    """One line of who changed what, when and why."""
    await connection.execute(
        rule_history.insert().values(
            at=at, actor=actor, kind=kind, rule_id=rule_id, tenant_id=tenant_id, detail=dict(detail)
        )
    )


async def _bar(connection: AsyncConnection, quarantined: Iterable[Quarantine], now: datetime) -> None:
    """A rule that is in quarantine in another version is in it in this one from now on."""
    for one in quarantined:
        fresh = insert(connection, rule_quarantine).values(
            rule_id=one.rule.id,
            tenant_id=one.tenant_id,
            rule_version=one.rule.version,
            kind=one.kind,
            reason=one.reason[:2000],
            at=now,
            overflow=0,
        )
        renewed = {name: fresh.excluded[name] for name in ("rule_version", "kind", "reason", "at", "overflow")}
        await connection.execute(fresh.on_conflict_do_update(index_elements=["rule_id", "tenant_id"], set_=renewed))
        await write_history(
            connection,
            "quarantined",
            at=now,
            actor="jikimi",
            rule_id=one.rule.id,
            tenant_id=one.tenant_id,
            detail={"cause": one.kind, "reason": one.reason[:2000], "version": one.rule.version},
        )
        await raise_versions(connection)


@cache
def _count_hits(dialect: str) -> Insert:
    fresh = insert_for(dialect, rule_hits)
    return fresh.on_conflict_do_update(
        index_elements=["rule_id", "tenant_id", "day", "stage"],
        set_={"hits": rule_hits.c.hits + fresh.excluded.hits, "event_ids": fresh.excluded.event_ids},
    )
