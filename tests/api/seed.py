"""Factories of what the console shows: companies, people, incidents, findings, messages."""

import hashlib
import itertools
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import Table, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jikimi.domain.risk import RiskLevel
from jikimi.storage import websites
from jikimi.storage.schema import (
    agent_spools,
    agents,
    answer_links,
    changes,
    contacts,
    counters,
    deliveries,
    devices,
    findings,
    incident_history,
    incidents,
    notifications,
    outbox,
    tenants,
    users,
)

PASSWORD = "correct horse battery"
_HASH = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)


@dataclass
class Seed:
    """Writes rows on one connection; ids count up, so that what a test reads is easy to name."""

    connection: AsyncConnection
    now: datetime
    _numbers: itertools.count = field(default_factory=lambda: itertools.count(1))  # type: ignore[type-arg]

    async def user(self, login: str, name: str, language: str = "ko") -> str:
        values = {"id": f"u-{login}", "login": login, "name": name, "role": "analyst", "language": language}
        await self._add(users, values | {"password_hash": _HASH, "disabled": False, "created_at": self.now})
        return f"u-{login}"

    async def company(self, name: str, *, language: str = "ko") -> str:
        key = f"t{next(self._numbers)}"
        await self._add(tenants, {"id": key, "name": name, "created_at": self.now, "language": language})
        await self._add(
            contacts,
            {
                "id": f"{key}-c",
                "tenant_id": key,
                "name": "박담당" if language == "ko" else "Pat Kim",
                "email": "minsu.kim@example.com",
                "phone": "010-1234-5678",
                "language": language,
            },
        )
        return key

    async def device(self, company: str, name: str, *, seen: timedelta = timedelta(seconds=20)) -> str:
        key = f"d{next(self._numbers)}"
        await self._add(
            devices, {"id": key, "tenant_id": company, "name": name, "os": "Windows 11", "first_seen": self.now}
        )
        await self._add(
            agents,
            {
                "id": f"a-{key}",
                "tenant_id": company,
                "device_id": key,
                "credential_hash": key,
                "version": "0.1.0",
                "kind": "agent",
                "enrolled_at": self.now - timedelta(days=30),
                "last_seen": self.now - seen,
            },
        )
        await self._add(
            agent_spools,
            {
                "agent_id": f"a-{key}",
                "epoch": "e1",
                "tenant_id": company,
                "acked_through": 100,
                "updated_at": self.now - seen,
            },
        )
        return key

    async def incident(
        self,
        company: str,
        title_ko: str,
        title_en: str,
        risk: RiskLevel,
        *,
        device: tuple[str, str] | None = None,
        age: timedelta = timedelta(minutes=5),
        event: dict[str, Any] | None = None,
        more: dict[str, Any] | None = None,
    ) -> str:
        """An incident with one finding, its opening entry and its change row."""
        taken = await self.connection.execute(select(func.coalesce(func.max(incidents.c.number), 1000)))
        number = taken.scalar_one() + 1
        key = f"i{number}"
        at = self.now - age
        device_id, device_name = device or ("", "")
        values = {
            "id": key,
            "tenant_id": company,
            "number": number,
            "title_ko": title_ko,
            "title_en": title_en,
            "risk": risk.value,
            "score": risk.value * 22,
            "score_terms": [
                {"points": 50, "ko": "규칙 등급 높음", "en": "rule level high"},
                {"points": 20, "ko": "근무 시간 밖", "en": "outside working hours"},
                {"points": 10, "ko": "보호 문서", "en": "protected documents"},
            ],
            "status": "new",
            "first_time": at - timedelta(seconds=40),
            "last_time": at,
            "opened_at": at,
            "updated_at": at,
            "finding_count": 1,
            "event_count": 214,
            "lead_finding_id": f"f-{key}",
            "devices": [device_name] if device_name else [],
            "users": ["HANBIT\\sjkim"],
            "rules": {
                "jikimi-leak": {
                    "title": "Copy to removable media",
                    "level": "high",
                    "tags": ["attack.exfiltration"],
                    "count": 1,
                }
            },
            "version": 1,
        }
        await self._add(incidents, values | (more or {}))
        shown = event or {
            "@timestamp": (at - timedelta(seconds=10)).isoformat(),
            "TargetFilename": "E:\\도면\\drawing-214.dwg",
            "Image": "C:\\Windows\\explorer.exe",
            "User": "HANBIT\\sjkim",
            "SerialNumber": "4C530001230523117261",
        }
        await self._add(
            findings,
            {
                "id": f"f-{key}",
                "tenant_id": company,
                "incident_id": key,
                "rule_id": "jikimi-leak",
                "rule_title": "Copy to removable media",
                "level": "high",
                "risk": risk.value,
                "time": at,
                "logsource": {"product": "jikimi", "category": "file_access"},
                "device_id": device_id,
                "device_name": device_name,
                "user": "HANBIT\\sjkim",
                "title_ko": title_ko,
                "title_en": title_en,
                "event": shown,
                "event_ids": [f"a.e.{number}"],
                "event_count": 214,
                "tags": ["attack.exfiltration", "attack.t1052.001"],
                "created_at": at,
            },
        )
        await self.history(company, key, "jikimi", "opened", {}, at)
        await self.change(company, key)
        return key

    async def defacement(self, company: str, url: str) -> tuple[str, websites.Website]:
        """An incident of a watched web site, and the site."""
        site = await websites.watch(
            self.connection, company, url, name="홈페이지", interval_seconds=300, at=self.now - timedelta(hours=1)
        )
        event = {"Url": url, "Check": "title", "Status": "changed", "After": "Hacked"}
        title = f"홈페이지 화면이 바뀜: {url}"
        incident = await self.incident(
            company, title, "Web site changed", RiskLevel.very_high, device=(site.device_id, site.name), event=event
        )
        source = {"product": "jikimi", "category": "web_integrity"}
        await self.connection.execute(
            update(findings).where(findings.c.incident_id == incident).values(logsource=source)
        )
        return incident, site

    async def findings(self, incident: str, many: int, *, rule: str = "loud", device: str = "web-01") -> None:
        """`many` more findings of one rule, a second apart, after the first one of `incident`."""
        first = (await self.connection.execute(select(findings).where(findings.c.incident_id == incident))).first()
        assert first is not None
        for number in range(many):
            more = {
                "id": f"{rule}-{number}",
                "rule_id": rule,
                "rule_title": f"Rule {rule}",
                "time": first.time + timedelta(seconds=number),
                "device_name": device,
                "event_ids": [f"a.{rule}.{number}"],
                "event_count": 1,
            }
            await self._add(findings, dict(first._mapping) | more)

    async def history(
        self, company: str, incident: str, actor: str, kind: str, detail: dict[str, Any], at: datetime
    ) -> None:
        values = {"tenant_id": company, "incident_id": incident, "actor": actor, "kind": kind}
        await self._add(incident_history, values | {"detail": detail, "at": at})

    async def change(self, company: str, incident: str, kind: str = "incident") -> None:
        await self._add(changes, {"tenant_id": company, "incident_id": incident, "kind": kind, "at": self.now})

    async def message(self, company: str, incident: str, channel: str, state: str, body: str) -> str:
        key = f"n{next(self._numbers)}"
        base = {"tenant_id": company, "incident_id": incident, "risk": 3}
        await self._add(
            outbox,
            base
            | {
                "id": f"o-{key}",
                "kind": "opened",
                "title_ko": body,
                "title_en": body,
                "dedup_key": key,
                "created_at": self.now,
            },
        )
        await self._add(
            notifications,
            base
            | {
                "id": key,
                "outbox_id": f"o-{key}",
                "contact_id": f"{company}-c",
                "channel": channel,
                "dedup_key": key,
                "state": state,
                "subject": body.splitlines()[0] if channel == "mail" else "",
                "body": body,
                "message_id": key,
                "provider": "sens" if channel == "sms" else "smtp",
                "attempts": 1,
                "next_attempt_at": self.now,
                "created_at": self.now - timedelta(minutes=4),
                "updated_at": self.now,
            },
        )
        outcome = "refused" if state == "failed" else "accepted"
        await self._add(
            deliveries,
            {
                "tenant_id": company,
                "notification_id": key,
                "at": self.now - timedelta(minutes=4),
                "provider": "sens" if channel == "sms" else "smtp",
                "outcome": outcome,
                "detail": "202 accepted" if outcome == "accepted" else "550 no such user",
            },
        )
        return key

    async def link(self, company: str, incident: str, *, valid: timedelta = timedelta(days=14)) -> str:
        """The token of a fresh answer link."""
        token = secrets.token_urlsafe(16)
        await self._add(
            answer_links,
            {
                "token_hash": hashlib.sha256(token.encode()).hexdigest(),
                "tenant_id": company,
                "incident_id": incident,
                "contact_id": f"{company}-c",
                "created_at": self.now,
                "expires_at": self.now + valid,
            },
        )
        return token

    async def count(self, name: str, company: str, value: int) -> None:
        await self._add(counters, {"name": name, "tenant_id": company, "value": value})

    async def _add(self, table: Table, values: dict[str, Any]) -> None:
        await self.connection.execute(table.insert().values(**values))


async def night_shift(seed: Seed) -> str:
    """A queue as an analyst meets it at three in the morning; returns the token of one answer link."""
    kim = await seed.user("analyst", "김관제")
    await seed.user("second", "이분석")
    hanbit, daesung = await seed.company("한빛정밀"), await seed.company("대성테크")
    coast = await seed.company("Coast Robotics", language="en")
    pc = (await seed.device(hanbit, "회계PC-03"), "회계PC-03")
    web = (await seed.device(daesung, "web-01"), "web-01")
    await seed.device(coast, "lab-07", seen=timedelta(minutes=9))
    lab = (await seed.device(coast, "lab-08"), "lab-08")
    await seed.count("events_accepted", hanbit, 120_400)
    leak = await seed.incident(
        hanbit,
        "회계PC-03: 보호 문서 214개가 USB로 복사됨 (02:13)",
        "Accounting-PC-03: 214 protected documents copied to USB (02:13)",
        RiskLevel.very_high,
        device=pc,
        more={"told_at": seed.now - timedelta(minutes=4)},
    )
    await seed.message(
        hanbit, leak, "sms", "delivered", "[지킴이 매우높음] 회계PC-03 USB로 문서 214개 복사(02:13) 확인 jk.example/…"
    )
    await seed.message(
        hanbit, leak, "mail", "accepted", "회계PC-03: 보호 문서 214개가 USB로 복사됨 (02:13)\n\n담당자님, 안녕하십니까."
    )
    scan = await seed.incident(
        daesung,
        "웹서버 취약점 스캔 1,830회 (203.0.113.9)",
        "Web server scanned 1,830 times (203.0.113.9)",
        RiskLevel.high,
        device=web,
        age=timedelta(minutes=25),
        more={"status": "acknowledged", "owner_id": kim, "acknowledged_at": seed.now - timedelta(minutes=20)},
    )
    await seed.history(daesung, scan, "analyst", "acknowledged", {"version": 2}, seed.now - timedelta(minutes=20))
    await seed.message(daesung, scan, "mail", "failed", "웹서버 취약점 스캔 1,830회\n\n담당자님, 안녕하십니까.")
    for number in range(30):
        ko, en, risk = _STORIES[number % len(_STORIES)]
        await seed.incident(
            (hanbit, daesung, coast)[number % 3],
            f"{ko} ({number + 1})",
            f"{en} ({number + 1})",
            risk,
            device=(pc, web, lab)[number % 3],
            age=timedelta(minutes=30 + 11 * number),
        )
    asked = await seed.incident(
        coast,
        "lab-08: 등록되지 않은 USB 장치가 연결됨",
        "lab-08: an unregistered USB device was plugged in",
        RiskLevel.high,
        device=lab,
    )
    return await seed.link(coast, asked)


_STORIES = (
    ("포트 스캔: 장치 12대가 확인됨", "Port scan: 12 devices were probed", RiskLevel.medium),
    ("서버 관리 프로그램이 처음 보는 명령을 실행함", "A management tool ran a command never seen", RiskLevel.medium),
    ("로그인 실패 48회 뒤 성공", "48 failed sign-ins, then one that worked", RiskLevel.high),
    ("근무 시간 밖의 USB 연결", "USB device plugged in outside working hours", RiskLevel.low),
)
