"""kill -9 of the whole centre while events flow: every acknowledged event stored once, every finding and mail once."""

import asyncio
import signal
from pathlib import Path

from sqlalchemy import func, select

from alerting.sandbox import SandboxProviders
from jikimi.domain.scope import TenantScope
from jikimi.settings import DataDir
from jikimi.storage.database import Database
from jikimi.storage.events import EventStore
from jikimi.storage.schema import findings, incidents, notifications
from tests.integration.centre import EVENTS, EVERY, RunningCentre, telemetry

KILLS = 3


async def test_nothing_is_lost_and_nothing_doubled_when_the_centre_is_killed(tmp_path: Path) -> None:
    async with SandboxProviders.start(tmp_path / "sandbox") as sandbox:
        async with RunningCentre(
            tmp_path / "centre",
            {
                "JIKIMI_SMTP_HOST": sandbox.smtp_host,
                "JIKIMI_SMTP_PORT": str(sandbox.smtp_port),
                "JIKIMI_SMTP_USER": "sandbox",
                "JIKIMI_SMTP_PASSWORD": sandbox.smtp_password,
                "JIKIMI_SMTP_FROM": "지킴이 <alerts@jikimi.example.com>",
                "JIKIMI_SMTP_CA_FILE": str(sandbox.ca_file),
            },
        ) as centre:
            await centre.start()
            await centre.command("admin", "tenant", "add", "한빛정밀")
            await centre.command("admin", "contact", "add", "김하늘", "--email", "haneul.kim@example.com")
            replay = asyncio.create_task(centre.command("replay", str(telemetry(tmp_path / "events.ndjson"))))
            accepted = 0
            for _ in range(KILLS):
                accepted = await centre.accepted_beyond(accepted, replay)
                await centre.end(signal.SIGKILL)
                await centre.start()
            await replay
            state = await centre.settled()
            assert state["events_accepted"] == state["events_stored"] == EVENTS
            assert state["findings"] == EVENTS // EVERY
            assert await centre.end(signal.SIGTERM) == 0
        await _nothing_twice(DataDir(tmp_path / "centre"), sandbox)


async def _nothing_twice(data: DataDir, sandbox: SandboxProviders) -> None:
    store = await EventStore.open(data.events)
    assert await store.count(TenantScope.every_tenant()) == EVENTS
    await store.close()
    async with Database.sqlite(data.database) as database, database.read() as connection:
        counted = select(func.sum(incidents.c.finding_count), func.sum(incidents.c.event_count))
        assert tuple((await connection.execute(counted)).one()) == (EVENTS // EVERY,) * 2
        distinct = select(func.count(), func.count(findings.c.event_ids.distinct()))
        assert tuple((await connection.execute(distinct)).one()) == (EVENTS // EVERY,) * 2
        sent = select(func.count()).where(notifications.c.state.in_(("accepted", "delivered")))
        mails = (await connection.execute(sent)).scalar_one()
    assert len(sandbox.smtp.mails) == mails > 0
    assert set(sandbox.smtp.copies.values()) <= {1, 2}  # sent again under its own Message-ID: the receiver keeps one
