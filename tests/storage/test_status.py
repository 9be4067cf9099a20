"""One object tells what the centre took in, found, told, and how far behind it is."""

from datetime import timedelta
from pathlib import Path

from jikimi.domain.event import format_time
from jikimi.storage import counters, tenants
from jikimi.storage.database import Database
from jikimi.storage.events import EventStore
from jikimi.storage.schema import agents
from jikimi.storage.status import read_status
from jikimi.stream.port import EVENTS
from jikimi.stream.sqlite import SqliteEventLog
from jikimi.testing.batches import NOON, batch_of, events_of, record_of


async def test_an_empty_centre_names_everything_at_zero(database: Database) -> None:
    assert await read_status(database, None, None, NOON) == {
        "generated_at": format_time(NOON),
        "events_accepted": 0,
        "duplicates_cut": 0,
        "events_stored": 0,
        "dead_lettered": 0,
        "findings": 0,
        "incidents": {"total": 0, "new": 0, "acknowledged": 0, "closed": 0},
        "incidents_by_risk": {"low": 0, "medium": 0, "high": 0, "very_high": 0},
        "notifications": dict.fromkeys(
            ["pending", "sending", "accepted", "delivered", "failed", "unknown", "suppressed", "bundled"], 0
        ),
        "rules": {
            "loaded": 0,
            "refused": 0,
            "bundle_version": 0,
            "reload_error": "",
            "draft": 0,
            "shadow": 0,
            "quarantined": 0,
            "overflow": 0,
            "exceptions": 0,
            "suppressed": 0,
            "groups_given_up": 0,
            "events_too_late": 0,
        },
        "lag": {},
        "agents": {"total": 0, "silent": 0},
    }


async def test_counts_come_from_where_the_things_are(database: Database, store: EventStore, tmp_path: Path) -> None:
    async with database.write() as connection:
        for tenant_id in ("a", "b"):
            await counters.add(connection, "events_accepted", tenant_id, 10)
            await counters.add(connection, "duplicates_cut", tenant_id, 2)
        await counters.add(connection, "log_duplicates_cut", "a", 1)
    await store.insert([batch_of(events_of(7))], token="a")
    log = SqliteEventLog.open(tmp_path / "log", partitions=2)
    await log.append(EVENTS, [record_of(batch_of(events_of(1)))])
    status = await read_status(database, log, store, NOON)
    await log.close()
    assert (status["events_accepted"], status["duplicates_cut"], status["events_stored"]) == (20, 5, 7)
    assert status["lag"] == {"detector": 1, "archive": 1}


async def test_an_agent_is_silent_after_three_minutes_or_when_never_heard(database: Database) -> None:
    """A revoked agent and a replay are never silent."""
    heard = {
        "just now": ("agent", NOON, None),
        "long ago": ("agent", NOON - timedelta(minutes=4), None),
        "never": ("agent", None, None),
        "revoked": ("agent", None, NOON),
        "replay": ("replay", None, None),
    }
    async with database.write() as connection:
        tenant = await tenants.create_tenant(connection, "한빛정밀", at=NOON)
        device = await tenants.ensure_device(connection, tenant.id, "회계PC-03", at=NOON)
        for name, (kind, last_seen, revoked_at) in heard.items():
            await connection.execute(
                agents.insert().values(
                    id=name,
                    tenant_id=tenant.id,
                    device_id=device.id,
                    credential_hash=name,
                    kind=kind,
                    enrolled_at=NOON,
                    last_seen=last_seen,
                    revoked_at=revoked_at,
                )
            )
    status = await read_status(database, None, None, NOON)
    assert status["agents"] == {"total": 3, "silent": 2}
