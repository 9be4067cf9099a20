"""Detection with what a company says of itself."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from detectors.rule_samples import Sample, run_sample
from detectors.sigma.load import load_rules
from jikimi.domain.logsource import LogSource
from jikimi.domain.tenant import Tenant

RULE = """\
title: Logon on a domain controller
id: 00000000-0000-4000-8000-000000000001
logsource: {product: windows, service: security}
detection: {s: {Computer|expand: '%DomainControllers%', EventID: 4624}, condition: s}
level: low
jikimi: {title_ko: "{Computer}", title_en: "{Computer}", advice_ko: ["가"], advice_en: ["a"]}
"""


@pytest.mark.parametrize(
    ("placeholders", "found"),
    [
        ({}, 0),
        ({"DomainControllers": ("DC01",)}, 1),
        ({"DomainControllers": ("DC02",)}, 0),
        ({"Servers": ("DC01",)}, 0),
    ],
)
def test_a_rule_with_a_placeholder_watches_the_companies_that_gave_it_values(
    tmp_path: Path, placeholders: dict[str, tuple[str, ...]], found: int
) -> None:
    (tmp_path / "r.yml").write_text(RULE, encoding="utf-8")
    rules, _ = load_rules([tmp_path])
    event = {
        "@timestamp": datetime(2026, 11, 22, tzinfo=UTC).isoformat(),
        "Channel": "Security",
        "EventID": 4624,
        "Computer": "DC01",
    }
    sample = Sample("r", "match", "", LogSource("windows"), [event])
    findings = run_sample(rules, sample, Tenant("t", "한빛정밀", placeholders=placeholders))
    assert [finding.rule_title for finding in findings] == ["Logon on a domain controller"] * found


FEW = """\
title: Backup
name: backup
logsource: {product: windows}
detection: {s: {EventID: 1}, condition: s}
---
title: Few backups
level: low
correlation: {type: event_count, rules: [backup], group-by: [Computer], timespan: 1h, condition: {lt: 3}}
"""


def test_a_window_told_when_it_is_over_still_says_where_its_events_came_from(tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text(FEW, encoding="utf-8")
    rules, report = load_rules([tmp_path])
    assert report.refused == ()
    event = {"@timestamp": datetime(2026, 11, 22, tzinfo=UTC).isoformat(), "EventID": 1, "Computer": "DC01"}
    sample = Sample("r", "match", "", LogSource("windows"), [event])
    (finding,) = run_sample(rules, sample, Tenant("t", "한빛정밀"))
    assert (finding.rule_title, finding.tenant_id, finding.device_id) == ("Few backups", "t", "device")
    assert (finding.event_count, finding.logsource) == (1, LogSource("windows"))
