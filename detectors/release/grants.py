"""Exceptions granted and withdrawn, on the caller's connection."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.release.gate import Judged
from detectors.release.rows import raise_versions, write_history
from detectors.sigma.rule import Rule
from jikimi.errors import Misconfigured
from jikimi.storage.schema import rule_exceptions, tenants


async def grant(
    connection: AsyncConnection,
    judged: Judged,
    *,
    tenant_id: str,
    actor: str,
    now: datetime,
) -> dict[str, Any]:
    """What the gate let through is in force."""
    rule = judged.rule
    row = {
        "id": uuid4().hex[:12],
        "tenant_id": tenant_id,
        "rule_id": rule.id,
        "filter": judged.text,
        "owner": judged.owner,
        "reason": judged.reason,
        "created_at": now,
        "created_by": actor,
        "expires_at": judged.expires_at,
        "suppressed": 0,
    }
    await connection.execute(rule_exceptions.insert().values(row))
    await write_history(
        connection,
        "excepted",
        at=now,
        actor=actor,
        rule_id=rule.id,
        tenant_id=tenant_id,
        detail={
            "exception": row["id"],
            "owner": judged.owner,
            "reason": judged.reason,
            "filter": judged.text,
            "until": judged.expires_at.isoformat(),
        },
    )
    await raise_versions(connection)
    return {**row, "rule": rule.title, "samples_still_matched": judged.samples}


async def withdraw(
    connection: AsyncConnection, exception_id: str, *, actor: str, why: str, now: datetime
) -> dict[str, Any]:
    """The rule speaks again. Raises Misconfigured for one that is not there or was withdrawn before."""
    ended = (
        await connection.execute(
            rule_exceptions.update()
            .where(rule_exceptions.c.id == exception_id, rule_exceptions.c.withdrawn_at.is_(None))
            .values(withdrawn_at=now)
            .returning(rule_exceptions.c.rule_id, rule_exceptions.c.tenant_id, rule_exceptions.c.suppressed)
        )
    ).one_or_none()
    if ended is None:
        raise Misconfigured(f"there is no exception {exception_id!r} in force; `jikimi rules exceptions` shows them")
    await write_history(
        connection,
        "withdrawn",
        at=now,
        actor=actor,
        rule_id=ended.rule_id,
        tenant_id=ended.tenant_id,
        detail={"exception": exception_id, "why": why, "suppressed": ended.suppressed},
    )
    await raise_versions(connection)
    return {"id": exception_id, "withdrawn_at": now, **ended._asdict()}


async def list_exceptions(
    connection: AsyncConnection, every: Mapping[str, Rule], tenant_id: str | None, now: datetime
) -> list[dict[str, Any]]:
    """All there ever were, the latest first; `state` is in force, expired or withdrawn."""
    query = (
        select(rule_exceptions, tenants.c.name.label("tenant"))
        .join(tenants, tenants.c.id == rule_exceptions.c.tenant_id)
        .order_by(rule_exceptions.c.created_at.desc(), rule_exceptions.c.id)
    )
    if tenant_id is not None:
        query = query.where(rule_exceptions.c.tenant_id == tenant_id)
    rows = [dict(row) for row in (await connection.execute(query)).mappings()]
    for row in rows:
        rule = every.get(row["rule_id"])
        row["rule"] = rule.title if rule else "(not loaded)"
        ended = "expired" if row["expires_at"] <= now else "in force"
        row["state"] = "withdrawn" if row["withdrawn_at"] else ended
    return rows
