"""A finding: what one rule, correlation or behaviour detector yields (OCSF: Detection Finding, 2004)."""

import hashlib
from datetime import datetime

import msgspec

from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource
from jikimi.domain.risk import RiskLevel


class Finding(msgspec.Struct, frozen=True):
    """One finding; the same object crosses detector, database and API.

    `time` is the event time (of the last event for a correlation). `event` is the event shown as evidence,
    `event_ids` names all that are kept as evidence (at most 100), `event_count` says exactly how many there were.
    `title_ko` / `title_en` are the layman's sentence with its values filled in.
    """

    id: str
    tenant_id: str
    rule_id: str
    rule_title: str
    level: str
    risk: RiskLevel
    time: datetime
    logsource: LogSource
    device_id: str
    device_name: str
    user: str
    title_ko: str
    title_en: str
    event: Event
    event_ids: tuple[str, ...] = ()
    event_count: int = 1
    tags: tuple[str, ...] = ()
    rule_version: str = ""


def finding_id(tenant_id: str, rule_id: str, rule_version: str, group_key: str, window: str) -> str:
    """Deterministic, so that a replayed event inserts the same row again and the database keeps one."""
    text = "\x1f".join((tenant_id, rule_id, rule_version, group_key, window))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
