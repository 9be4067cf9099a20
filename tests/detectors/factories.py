"""Findings and companies for the detector tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from jikimi.domain.finding import Finding, finding_id
from jikimi.domain.logsource import FILE_ACCESS
from jikimi.domain.risk import risk_of_level

START = datetime(2026, 11, 22, 2, 13, tzinfo=UTC)


def finding(rule: str = "rule-1", *, at: float = 0, level: str = "medium", **more: Any) -> Finding:
    """A finding of `rule`, `at` seconds after START; `more` overrides any field."""
    moment = START + timedelta(seconds=at)
    fields: dict[str, Any] = {
        "tenant_id": "tenant-1",
        "rule_id": rule,
        "rule_title": f"Rule {rule}",
        "level": level,
        "risk": risk_of_level(level),
        "time": moment,
        "logsource": FILE_ACCESS,
        "device_id": "device-1",
        "device_name": "회계PC-03",
        "user": "kim",
        "title_ko": f"{rule} 발견",
        "title_en": f"{rule} found",
        "event": {"@timestamp": moment.isoformat()},
    } | more
    fields.setdefault("id", finding_id(fields["tenant_id"], rule, "", fields["device_id"], repr(at)))
    return Finding(**fields)
