"""kill -9 of the sender, right after a provider took a message: nothing doubled, nothing lost."""

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import func, select

from alerting.sandbox import SandboxProviders
from alerting.settings import AlertSettings
from jikimi.clock import utc_now
from jikimi.domain.risk import RiskLevel
from jikimi.storage.database import Database
from jikimi.storage.migrate import upgrade
from jikimi.storage.schema import notifications
from jikimi.storage.tenants import create_contact, create_tenant
from tests.alerting.conftest import Centre, MovableClock
from tests.alerting.fast_clock import fast_clock

KILLS = 2
CONTACTS = 5
INCIDENTS = 4
EXPECTED = CONTACTS * INCIDENTS
SETTLED = {"sms delivered": EXPECTED, "mail accepted": EXPECTED}
ENOUGH_SECONDS = 120


async def test_a_sender_killed_again_and_again_sends_every_message_once(tmp_path: Path) -> None:
    """Each of 20 SMS arrives once and each of 20 mails is one mail, over two kills between accept and commit."""
    start = utc_now()
    database_path = tmp_path / "centre.db"
    upgrade(database_path)
    async with SandboxProviders.start(tmp_path / "sandbox", fast_clock(start)) as sandbox:
        settings = sandbox.settings(AlertSettings(public_url="https://jk.example", poll_seconds=0.05))
        await _write_outbox(database_path, sandbox, settings, start)
        sandbox.sens.latency = 0.2
        for _ in range(KILLS):
            async with _sender(database_path, settings, start) as process:
                before = len(sandbox.sens.messages)
                await _until_more(sandbox, before)
                process.send_signal(signal.SIGKILL)
                await process.wait()
        sandbox.sens.latency = 0.0
        async with _sender(database_path, settings, start):
            states = await _until_settled(database_path)
        texts = Counter((message.to, message.content) for message in sandbox.sens.messages)
        mails = sandbox.smtp.mails
    assert states == SETTLED
    assert set(texts.values()) == {1}
    assert len(texts) == EXPECTED
    assert len(mails) == EXPECTED


async def _write_outbox(path: Path, sandbox: SandboxProviders, settings: AlertSettings, start: datetime) -> None:
    async with Database.sqlite(path) as database:
        async with database.write() as connection:
            tenant = await create_tenant(connection, "한빛정밀", at=start)
            for number in range(CONTACTS):
                await create_contact(
                    connection,
                    tenant.id,
                    f"담당{number}",
                    email=f"c{number}@client.example.com",
                    phone=f"010-0000-000{number}",
                )
        centre = Centre(database, MovableClock(start), sandbox, settings, tenant.id, "")
        for _ in range(INCIDENTS):
            await centre.tell(risk=RiskLevel.very_high)


@asynccontextmanager
async def _sender(path: Path, settings: AlertSettings, start: datetime) -> AsyncIterator[asyncio.subprocess.Process]:
    values = {name: _plain(value) for name, value in settings.model_dump().items() if value is not None}
    environment = {**os.environ, **{f"JIKIMI_{name.upper()}": value for name, value in values.items()}}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.alerting.fast_clock",
        str(path),
        start.isoformat(),
        env=environment,
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


async def _until_more(sandbox: SandboxProviders, before: int) -> None:
    """Until the provider has taken a message: its sender does not know yet."""
    async with asyncio.timeout(ENOUGH_SECONDS):
        while len(sandbox.sens.messages) == before:  # noqa: ASYNC110 -- another process makes it come true
            await asyncio.sleep(0.005)


async def _until_settled(path: Path) -> dict[str, int]:
    """Notices by channel and state once nothing is on its way any more, or when patience ends."""
    this = notifications.c
    query = select(this.channel, this.state, func.count()).group_by(this.channel, this.state)
    deadline = time.monotonic() + ENOUGH_SECONDS
    found: dict[str, int] = {}
    async with Database.sqlite(path) as database:
        while time.monotonic() < deadline and found != SETTLED:
            await asyncio.sleep(0.1)
            async with database.read() as connection:
                found = {f"{row[0]} {row[1]}": row[2] for row in await connection.execute(query)}
    return found
