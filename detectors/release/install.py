"""A bundle becomes the centre's rule set, or nothing changes and the reason is kept."""

import asyncio
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.release import bundle
from detectors.release.bundle import Bundle
from detectors.release.library import Loaded, RuleLibrary, check_nothing_lost
from detectors.release.rows import Versions, raise_versions, read_versions, write_history
from detectors.release.stages import Stage
from jikimi.errors import Misconfigured, Refused
from jikimi.signing import TrustedKeys
from jikimi.storage.database import Database
from jikimi.storage.schema import rule_bundles, rule_stages
from jikimi.storage.upsert import insert

KEPT = 3
"""Bundles kept in the database, to look at; only the highest is ever used."""


async def install(
    database: Database, library: RuleLibrary, content: bytes, *, actor: str, now: datetime
) -> dict[str, Any]:
    """Verify, load beside the running rules, then commit at once; workers take it up by themselves.

    Raises Misconfigured, after writing the refusal into the history, for a bundle that is not believed, not newer than
    the newest ever installed, expired, of which no rule can be used, or by whose fault a rule that runs would be lost.
    """
    try:
        found = await asyncio.to_thread(bundle.verify, content, TrustedKeys.read(library.trusted))
        async with database.read() as connection:
            before = await read_versions(connection)
        _check_fresh(found, before, now)
        versions = Versions(before.life, before.content, found.manifest.version)
        loaded = await asyncio.to_thread(library.read, versions, content)
        check_nothing_lost(library.current, loaded)
        async with database.write() as connection:
            _check_fresh(found, await read_versions(connection), now)
            shadowed = await _commit(connection, found, content, library.current, loaded, actor=actor, now=now)
    except (Refused, Misconfigured) as error:
        async with database.write() as connection:
            await write_history(connection, "bundle", at=now, actor=actor, detail={"refused": str(error)})
        raise Misconfigured(f"the bundle is refused: {error}") from error
    return {
        "version": found.manifest.version,
        "key_id": found.key_id,
        "rules": loaded.report.loaded,
        "refused": [str(refusal) for refusal in loaded.report.refused],
        "entered_as_shadow": shadowed,
    }


async def install_at_start(database: Database, library: RuleLibrary, content: bytes, now: datetime) -> None:
    """For `jikimi up --bundle`: the bundle that is installed already is no fault."""
    async with database.read() as connection:
        versions = await read_versions(connection)
        here = await connection.scalar(select(rule_bundles.c.content).where(rule_bundles.c.version == versions.bundle))
    if here != content:
        await install(database, library, content, actor="jikimi up", now=now)


def _check_fresh(found: Bundle, here: Versions, now: datetime) -> None:
    if found.manifest.version <= here.bundle:
        raise Refused(
            f"its version {found.manifest.version} is not above {here.bundle}, the highest ever installed; "
            "to go back to older rules sign them under a new version"
        )
    if found.manifest.expires is not None and found.manifest.expires <= now:
        raise Refused(f"it expired on {found.manifest.expires:%Y-%m-%d %H:%M} UTC")


async def _commit(
    connection: AsyncConnection,
    found: Bundle,
    content: bytes,
    running: Loaded,
    loaded: Loaded,
    *,
    actor: str,
    now: datetime,
) -> int:
    """How many rules enter as shadow. The first bundle's rules are live: there was nothing to compare them with."""
    version = found.manifest.version
    first = not (await read_versions(connection)).bundle
    await connection.execute(
        rule_bundles.insert().values(
            version=version, key_id=found.key_id, content=content, installed_at=now, installed_by=actor
        )
    )
    older = select(rule_bundles.c.version).order_by(rule_bundles.c.version.desc()).offset(KEPT).limit(1)
    oldest = await connection.scalar(older)
    if oldest is not None:
        await connection.execute(delete(rule_bundles).where(rule_bundles.c.version <= oldest))
    fresh = [rule for rule in loaded.rules.rules if rule.id not in running.rules.by_id and rule.generates]
    shadowed = [] if first or found.manifest.new_rules == "live" else fresh
    for rule in shadowed:
        row = insert(connection, rule_stages).values(
            rule_id=rule.id, stage=str(Stage.shadow), at=now, actor=actor, why=f"new in bundle {version}"
        )
        await connection.execute(row.on_conflict_do_nothing())
    await raise_versions(connection, content=True, bundle=version)
    detail = {
        "version": version,
        "key": found.key_id,
        "rules": loaded.report.loaded,
        "new": len(fresh),
        "shadowed": len(shadowed),
    }
    await write_history(connection, "bundle", at=now, actor=actor, detail=detail)
    return len(shadowed)
