"""Which fields a log source is known to carry, and how that table grows."""

from pathlib import Path

import orjson
import pytest

from detectors.workshop import fields
from detectors.workshop.learn_fields import learn, written
from jikimi.domain.logsource import LogSource
from tests.detectors.workshop.rule_folder import process_rule, write_rules

OURS = fields.known_fields(Path(__file__).parents[3] / "rules")


@pytest.mark.parametrize(
    ("stated", "field"),
    [
        (LogSource("windows", "process_creation"), "CommandLine"),
        (LogSource(None, "process_creation"), "CommandLine"),
        (LogSource("windows", None, "sysmon"), "TargetFilename"),
        (LogSource("windows", None, "security"), "IpAddress"),
        (LogSource("jikimi", "network_flow"), "BytesOut"),
        (LogSource("jikimi", "file_access"), "OffHours"),
    ],
)
def test_a_log_source_carries_its_fields(stated: LogSource, field: str) -> None:
    assert field in fields.fields_of_source(stated, OURS)


def test_it_does_not_carry_those_of_another() -> None:
    assert "BytesOut" not in fields.fields_of_source(LogSource("jikimi", "file_access"), OURS)
    assert "QueryName" not in fields.fields_of_source(LogSource("windows", "process_creation"), OURS)


@pytest.mark.parametrize("stated", [LogSource(), LogSource("windows"), LogSource("nosuch", "nothing")])
def test_of_a_source_that_says_too_little_or_is_unknown_nothing_is_said(stated: LogSource) -> None:
    assert fields.fields_of_source(stated, OURS) == frozenset()


def test_values_in_the_documentation_of_our_fields_are_no_fields() -> None:
    assert "mount" not in OURS[LogSource("jikimi", "removable_media")]


def test_the_table_learns_from_rules_and_events_and_forgets_nothing(tmp_path: Path) -> None:
    rules = write_rules(tmp_path, a=process_rule(1, field="NewField"))
    event = {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 22, "NewAnswer": 1}
    found = learn([rules], [orjson.dumps({"event": event}), orjson.dumps({"event": {"no": "channel"}})])
    assert "NewField" in found[LogSource("windows", "process_creation")]
    assert "NewAnswer" in found[LogSource("windows", "dns_query")]
    assert all(names <= found[source] for source, names in fields.public_fields().items())
    assert "product=windows category=dns_query: " in written(found)
