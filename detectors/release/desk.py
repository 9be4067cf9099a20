"""What an engineer asks of the rules of a running centre: list, stage, release, except, reload, install.

Every wish is written with who and why into `rule_history`, in the transaction of what it changes. All raise
Misconfigured, in words for that person, for what cannot be.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.release import gate, grants
from detectors.release.install import install
from detectors.release.library import RuleLibrary
from detectors.release.rows import raise_versions, write_history
from detectors.release.stages import Stage, after, before
from detectors.sigma.rule import Rule
from jikimi.clock import Clock
from jikimi.errors import Misconfigured
from jikimi.storage.database import Database
from jikimi.storage.schema import (
    rule_exceptions,
    rule_history,
    rule_hits,
    rule_quarantine,
    rule_stages,
    rule_workers,
)
from jikimi.storage.upsert import insert


class RuleDesk:
    """One a centre."""

    def __init__(self, database: Database, library: RuleLibrary, clock: Clock) -> None:
        self._database = database
        self._library = library
        self._clock = clock

    async def rules(self, connection: AsyncConnection, stage: str | None, days: int) -> list[dict[str, Any]]:
        """Every rule with its stage and its hits of the last `days`, those that hit most first."""
        since = (self._clock() - timedelta(days=days - 1)).date().isoformat()
        stages = {row.rule_id: row for row in await connection.execute(select(rule_stages))}
        barred: dict[str, list[str]] = {}
        for one in await connection.execute(select(rule_quarantine)):
            barred.setdefault(one.rule_id, []).append(one.kind)
        hits = await self._hits(connection, since)
        excepted = await self._excepted(connection)
        told = []
        for rule in self._library.current.rules.rules:
            row = stages.get(rule.id)
            shown = row.stage if row is not None else str(Stage.live)
            if stage is not None and shown != stage:
                continue
            told.append(
                {
                    "id": rule.id,
                    "title": rule.title,
                    "level": rule.level,
                    "stage": shown if rule.generates else "feeds",
                    "since": row.at if row is not None else None,
                    "by": row.actor if row is not None else "",
                    "why": row.why if row is not None else "",
                    "hits": hits.get((rule.id, "live"), 0) + hits.get((rule.id, "shadow"), 0),
                    "shadow_hits": hits.get((rule.id, "shadow"), 0),
                    "exceptions": excepted.get(rule.id, 0),
                    "quarantine": ", ".join(sorted(set(barred.get(rule.id, [])))),
                    "file": rule.file,
                }
            )
        return sorted(told, key=lambda one: (-one["hits"], one["title"]))

    async def hits(self, connection: AsyncConnection, rule: str, days: int) -> list[dict[str, Any]]:
        """One rule's hits by company, day and stage, with the ids of a few events."""
        since = (self._clock() - timedelta(days=days - 1)).date().isoformat()
        found = await connection.execute(
            select(rule_hits)
            .where(rule_hits.c.rule_id == self._rule(rule).id, rule_hits.c.day >= since)
            .order_by(rule_hits.c.day.desc(), rule_hits.c.tenant_id, rule_hits.c.stage)
        )
        return [dict(row) for row in found.mappings()]

    async def stage(self, connection: AsyncConnection, rule: str, to: str, actor: str, why: str) -> dict[str, Any]:
        """`to` is a stage, or `promote` or `demote`."""
        chosen = self._rule(rule)
        if not chosen.generates:
            fed = [r.title for r in self._library.current.rules.correlations if chosen.id in r.correlation.rules]  # type: ignore[union-attr]
            raise Misconfigured(f"{chosen.title!r} only feeds {', '.join(map(repr, fed))}: stage that one")
        if not why.strip():
            raise Misconfigured("say why the rule changes its stage")
        known = await connection.scalar(select(rule_stages.c.stage).where(rule_stages.c.rule_id == chosen.id))
        was = Stage(known or Stage.live)
        now_at = {"promote": after(was), "demote": before(was)}.get(to) or Stage(to)
        values = {"stage": str(now_at), "at": self._clock(), "actor": actor, "why": why.strip()}
        fresh = insert(connection, rule_stages).values(rule_id=chosen.id, **values)
        await connection.execute(fresh.on_conflict_do_update(index_elements=["rule_id"], set_=values))
        await self._note(connection, "staged", actor, chosen.id, was=str(was), stage=str(now_at), why=why.strip())
        await raise_versions(connection)
        return {"id": chosen.id, "title": chosen.title, "was": str(was), "stage": str(now_at)}

    async def quarantine(self, connection: AsyncConnection) -> list[dict[str, Any]]:
        """What is set aside now, with what that kept from being told."""
        rows = [dict(row) for row in (await connection.execute(select(rule_quarantine))).mappings()]
        known = self._library.current.rules.by_id
        for row in rows:
            rule = known.get(row["rule_id"])
            row["title"] = rule.title if rule else "(not loaded)"
            row["applies"] = rule is not None and rule.version == row["rule_version"]
        return sorted(rows, key=lambda row: row["at"], reverse=True)

    async def release(self, connection: AsyncConnection, rule: str, actor: str, why: str) -> dict[str, Any]:
        """Out of quarantine, for every company; by its id also a rule that is not loaded any more."""
        barred = await connection.scalar(select(func.count()).where(rule_quarantine.c.rule_id == rule))
        rule_id = rule if barred else self._rule(rule).id
        freed = (
            await connection.execute(
                rule_quarantine.delete()
                .where(rule_quarantine.c.rule_id == rule_id)
                .returning(rule_quarantine.c.tenant_id, rule_quarantine.c.overflow)
            )
        ).all()
        if not freed:
            raise Misconfigured(f"the rule {rule!r} is not in quarantine; `jikimi rules quarantine` shows what is")
        overflow = sum(row.overflow for row in freed)
        await self._note(connection, "released", actor, rule_id, why=why, overflow=overflow)
        await raise_versions(connection)
        return {"id": rule_id, "companies": [row.tenant_id for row in freed], "overflow": overflow}

    async def judge(self, rule: str, text: str, owner: str, reason: str, expires_at: datetime) -> gate.Judged:
        """Before the transaction of `grant`, since it takes a moment."""
        chosen, every, now = self._rule(rule), self._library.current.rules.by_id, self._clock()
        return await asyncio.to_thread(
            gate.judge, text, chosen, every, owner=owner, reason=reason, expires_at=expires_at, now=now
        )

    async def grant(
        self, connection: AsyncConnection, judged: gate.Judged, tenant_id: str, actor: str
    ) -> dict[str, Any]:
        """Except a company from a rule in part."""
        return await grants.grant(connection, judged, tenant_id=tenant_id, actor=actor, now=self._clock())

    async def withdraw(self, connection: AsyncConnection, exception_id: str, actor: str, why: str) -> dict[str, Any]:
        return await grants.withdraw(connection, exception_id, actor=actor, why=why, now=self._clock())

    async def exceptions(self, connection: AsyncConnection, tenant_id: str | None) -> list[dict[str, Any]]:
        known = self._library.current.rules.by_id
        return await grants.list_exceptions(connection, known, tenant_id, self._clock())

    async def reload(self, connection: AsyncConnection, actor: str) -> int:
        """Every worker reads its rule files again; the content version they arrive at."""
        await self._note(connection, "reloaded", actor)
        return (await raise_versions(connection, content=True)).content

    async def install(self, content: bytes, actor: str) -> dict[str, Any]:
        """A transaction of its own: a refusal is kept too."""
        return await install(self._database, self._library, content, actor=actor, now=self._clock())

    async def workers(self, connection: AsyncConnection) -> list[dict[str, Any]]:
        """Which state each worker has taken up, or why it could not."""
        return [dict(row) for row in (await connection.execute(select(rule_workers))).mappings()]

    def refused(self) -> list[dict[str, Any]]:
        """Rules that were read and cannot be used: rule, file, line, reason."""
        return [msgspec.structs.asdict(one) for one in self._library.current.report.refused]

    async def history(self, connection: AsyncConnection, rule: str | None, limit: int) -> list[dict[str, Any]]:
        """The latest first."""
        query = select(rule_history).order_by(rule_history.c.id.desc()).limit(limit)
        if rule is not None:
            query = query.where(rule_history.c.rule_id == self._rule(rule).id)
        return [dict(row) for row in (await connection.execute(query)).mappings()]

    def _rule(self, named: str) -> Rule:
        """By id, name or title."""
        rules = self._library.current.rules
        found = [rule for rule in rules.rules if named in (rule.id, rule.name, rule.title)]
        if len(found) == 1:
            return found[0]
        if found:
            raise Misconfigured(f"{len(found)} rules are called {named!r}; name one by its id")
        raise Misconfigured(f"there is no rule {named!r}; `jikimi rules list` shows them")

    async def _note(
        self, connection: AsyncConnection, kind: str, actor: str, rule_id: str = "", **detail: object
    ) -> None:
        await write_history(connection, kind, at=self._clock(), actor=actor, rule_id=rule_id, detail=detail)

    async def _hits(self, connection: AsyncConnection, since: str) -> dict[tuple[str, str], int]:
        query = (
            select(rule_hits.c.rule_id, rule_hits.c.stage, func.sum(rule_hits.c.hits))
            .where(rule_hits.c.day >= since)
            .group_by(rule_hits.c.rule_id, rule_hits.c.stage)
        )
        return {(rule_id, stage): int(n) for rule_id, stage, n in await connection.execute(query)}

    async def _excepted(self, connection: AsyncConnection) -> dict[str, int]:
        in_force = (rule_exceptions.c.withdrawn_at.is_(None), rule_exceptions.c.expires_at > self._clock())
        query = select(rule_exceptions.c.rule_id, func.count()).where(*in_force).group_by(rule_exceptions.c.rule_id)
        return {rule_id: int(n) for rule_id, n in await connection.execute(query)}
