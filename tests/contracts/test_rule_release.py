"""The life of rules is the same on SQLite and on PostgreSQL."""

from collections import Counter
from datetime import timedelta

from sqlalchemy import select

from detectors.release.rows import Versions, raise_versions, read_life, read_versions, write_history, write_tally
from detectors.release.stages import Stage
from detectors.release.tally import EVERYWHERE, HitKey, Hits, Quarantine, Tally
from detectors.sigma.rule import Rule
from jikimi.domain.logsource import LogSource
from jikimi.storage.database import Database
from jikimi.storage.schema import rule_exceptions, rule_history, rule_hits, rule_quarantine, rule_stages
from jikimi.storage.tenants import create_tenant
from jikimi.testing.batches import NOON
from tests.contracts.test_database import database, kind, postgresql_url  # noqa: F401 - fixtures

RULE = Rule("rule-1", "A Rule", "low", (), LogSource("test"), "v1", "rule.yml")
FILTER = """
title: An exception
logsource: {product: test}
filter:
    rules: any
    sel: {User: backup}
    condition: not sel
"""


def tally() -> Tally:
    key = HitKey(RULE.id, "a", "2026-11-22", Stage.shadow)
    barred = Quarantine(RULE, EVERYWHERE, "a", "threw", "ValueError: x", NOON)
    return Tally(
        {key: Hits(3, ["e1", "e2"])}, Counter({"x": 2}), Counter({(RULE.id, EVERYWHERE): 4}), {(RULE.id, "*"): barred}
    )


async def test_versions_only_rise(database: Database) -> None:  # noqa: F811
    async with database.write() as connection:
        assert await read_versions(connection) == Versions(0, 0, 0)
        assert await raise_versions(connection) == Versions(1, 0, 0)
        assert await raise_versions(connection, content=True) == Versions(2, 1, 0)
        assert await raise_versions(connection, content=True, bundle=7) == Versions(3, 2, 7)
        assert await raise_versions(connection) == await read_versions(connection) == Versions(4, 2, 7)


async def test_what_is_counted_twice_adds_up_and_what_is_barred_is_read_back(database: Database) -> None:  # noqa: F811
    async with database.write() as connection:
        await create_tenant(connection, "한빛정밀", at=NOON, tenant_id="a")
        await connection.execute(
            rule_exceptions.insert().values(
                id="x",
                tenant_id="a",
                rule_id=RULE.id,
                filter=FILTER,
                owner="kim",
                reason="backup",
                created_at=NOON,
                created_by="kim",
                expires_at=NOON + timedelta(days=1),
                suppressed=0,
            )
        )
        await connection.execute(
            rule_stages.insert().values(rule_id=RULE.id, stage="shadow", at=NOON, actor="kim", why="new")
        )
        await write_tally(connection, tally(), NOON)
        again = tally()
        again.quarantined.clear()
        await write_tally(connection, again, NOON)
        await write_history(connection, "released", at=NOON, actor="kim", rule_id=RULE.id, detail={"why": "mended"})
    async with database.read() as connection:
        (hits,) = await connection.execute(select(rule_hits))
        assert (hits.hits, hits.event_ids) == (6, ["e1", "e2"])
        (barred,) = await connection.execute(select(rule_quarantine))
        assert (barred.overflow, barred.kind) == (8, "threw")
        assert await connection.scalar(select(rule_exceptions.c.suppressed)) == 4
        kinds = await connection.scalars(select(rule_history.c.kind).order_by(rule_history.c.id))
        assert list(kinds) == ["quarantined", "released"]
        life = await read_life(connection, {RULE.id: RULE}, NOON)
    assert life.stage_of(RULE.id) is Stage.shadow
    assert life.broken([RULE]) == {RULE.id: "ValueError: x"}
    assert len(life.exceptions("a", NOON)) == 1
    assert life.exceptions("a", NOON + timedelta(days=2)) == life.exceptions("b", NOON) == []
