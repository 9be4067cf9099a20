"""A database with one company, sandboxes for providers, and a clock that tests move."""

from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alerting.channels import build_channels
from alerting.sandbox import SandboxProviders
from alerting.settings import AlertSettings
from alerting.worker import AlertWorker
from jikimi.domain.risk import RiskLevel
from jikimi.storage.database import Database
from jikimi.storage.migrate import upgrade
from jikimi.storage.schema import findings, incidents, notifications, outbox
from jikimi.storage.tenants import create_contact, create_tenant

NOW = datetime(2026, 11, 21, 17, 13, tzinfo=UTC)
"""11월 22일(일) 02:13 in Seoul."""


class MovableClock:
    """Stands still until moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Centre:
    """What a test of the worker needs: `tell` writes what a detector would."""

    database: Database
    clock: MovableClock
    sandbox: SandboxProviders
    settings: AlertSettings
    tenant_id: str
    contact_id: str
    told: int = 0

    async def tell(
        self,
        *,
        risk: RiskLevel = RiskLevel.high,
        kind: str = "opened",
        title: str = "회계PC-03: 보호 문서 214개가 USB로 복사됨 (02:13)",
        incident_id: str | None = None,
        **values: Any,
    ) -> str:
        """One outbox row, with its incident unless `incident_id` names one; gives the incident's id."""
        self.told += 1
        now = self.clock()
        async with self.database.write() as connection:
            if incident_id is None:
                incident_id = f"incident-{self.told}"
                row = _incident(incident_id, self.tenant_id, self.told, risk, title, now) | values
                await connection.execute(incidents.insert().values(**row))
                await connection.execute(findings.insert().values(**_finding(incident_id, self.tenant_id, now)))
            await connection.execute(
                outbox.insert().values(
                    id=f"outbox-{self.told}",
                    tenant_id=self.tenant_id,
                    incident_id=incident_id,
                    kind=kind,
                    risk=int(risk),
                    title_ko=title,
                    title_en=title,
                    dedup_key=f"{incident_id}:{kind}:{self.told}",
                    created_at=now,
                )
            )
        return incident_id

    async def notices(self, channel: str | None = None) -> list[Any]:
        query = select(notifications).order_by(notifications.c.created_at, notifications.c.id)
        if channel:
            query = query.where(notifications.c.channel == channel)
        async with self.database.read() as connection:
            return list((await connection.execute(query)).all())

    async def rows(self, table: Any) -> list[Any]:
        async with self.database.read() as connection:
            return list((await connection.execute(select(table))).all())


def _incident(
    incident_id: str, tenant_id: str, number: int, risk: RiskLevel, title: str, now: datetime
) -> dict[str, Any]:
    return {
        "id": incident_id,
        "tenant_id": tenant_id,
        "number": number,
        "title_ko": title,
        "title_en": title,
        "risk": int(risk),
        "score": 80,
        "score_terms": [{"points": 40, "ko": "보호 문서가 이동식 저장장치로 옮겨짐", "en": "protected files moved"}],
        "status": "new",
        "first_time": now,
        "last_time": now,
        "opened_at": now,
        "updated_at": now,
        "finding_count": 1,
        "event_count": 214,
        "devices": ["회계PC-03"],
        "users": ["kim"],
        "rules": {
            "r1": {"title": "Copy to removable media", "level": "high", "tags": ["attack.exfiltration"], "count": 1}
        },
        "lead_finding_id": f"finding-{incident_id}",
        "version": 1,
    }


def _finding(incident_id: str, tenant_id: str, now: datetime) -> dict[str, Any]:
    return {
        "id": f"finding-{incident_id}",
        "tenant_id": tenant_id,
        "incident_id": incident_id,
        "rule_id": "r1",
        "rule_title": "Copy to removable media",
        "level": "high",
        "risk": 3,
        "time": now,
        "logsource": {"product": "jikimi", "category": "file_access"},
        "device_id": "d1",
        "device_name": "회계PC-03",
        "user": "kim",
        "title_ko": "t",
        "title_en": "t",
        "event": {},
        "event_ids": [],
        "event_count": 1,
        "tags": [],
        "created_at": now,
    }


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(NOW)


@pytest.fixture
async def centre(tmp_path: Path, clock: MovableClock) -> AsyncIterator[Centre]:
    upgrade(tmp_path / "centre.db")
    async with (
        Database.sqlite(tmp_path / "centre.db") as database,
        SandboxProviders.start(tmp_path / "sandbox", clock) as sandbox,
    ):
        async with database.write() as connection:
            tenant = await create_tenant(connection, "한빛정밀", at=NOW)
            contact = await create_contact(
                connection, tenant.id, "김담당", email="kim@client.example.com", phone="010-0000-0000"
            )
        settings = sandbox.settings(AlertSettings(public_url="https://jk.example"))
        yield Centre(database, clock, sandbox, settings, tenant.id, contact.id)


StepUntilQuiet = Callable[[], Coroutine[Any, Any, None]]


@pytest.fixture
async def run_quiet(centre: Centre) -> AsyncIterator[StepUntilQuiet]:
    """Lets the worker do everything that is due at the clock's time."""
    async with build_channels(centre.settings, centre.clock) as channels:
        worker = AlertWorker(centre.database, channels, centre.settings, centre.clock)

        async def run() -> None:
            while await worker.step():
                pass

        yield run
