"""Windows events as XML."""

import pytest

from collectors.logs.event_xml import EventXml
from jikimi.domain.logsource import LogSource
from tests.collectors.logs.reading import read

EVENT = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>"
    "<System><Provider Name='P'/><EventID>4624</EventID>"
    "<TimeCreated SystemTime='2026-11-22T01:00:00.5Z'/><Channel>Security</Channel></System><EventData>"
    "<Data Name='TargetUserName'>kim &amp; co</Data><Data Name='IpAddress'>192.0.2.5</Data></EventData></Event>"
)


def test_an_event_is_flat_with_the_names_rules_use() -> None:
    ((source, event),) = read(EventXml, [EVENT])
    assert source == LogSource(product="windows", service="security")
    assert (event["EventID"], event["TargetUserName"], event["IpAddress"]) == (4624, "kim & co", "192.0.2.5")
    assert event["@timestamp"] == "2026-11-22T01:00:00.500000Z"


@pytest.mark.parametrize("cut", [1, 40, 200, 333])
def test_events_may_be_cut_into_any_pieces(cut: int) -> None:
    text = f"<Events>{EVENT}{EVENT}</Events>".replace("><", ">\n<")
    lines = text.split("\n")
    assert len(read(EventXml, lines)) == 2
    assert len(read(EventXml, ["".join(lines[:cut]), "".join(lines[cut:])])) == 2


def test_a_broken_event_costs_itself_alone() -> None:
    reasons: list[str] = []
    found = read(EventXml, [EVENT[:200], EVENT, EVENT.replace("</System>", ""), EVENT], reasons.append)
    assert len(found) == 2
    assert reasons == ["an event that breaks off", "not a whole event"]


def test_a_text_that_declares_entities_is_not_parsed() -> None:
    reasons: list[str] = []
    bomb = EVENT.replace("<System>", "<!ENTITY a 'aaaa'><System>")
    assert read(EventXml, [bomb], reasons.append) == []
    assert reasons == ["not a whole event"]


def test_sysmon_for_linux_has_its_own_log_source() -> None:
    xml = EVENT.replace("4624", "1").replace("Security", "Linux-Sysmon/Operational")
    ((source, event),) = read(EventXml, [xml])
    assert source == LogSource("linux", "process_creation", "sysmon")
    assert event["EventID"] == 1
