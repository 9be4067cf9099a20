"""Windows events in Splunk's text: a pair a line, or all of one event in a line."""

from collectors.logs.port import Reading
from collectors.logs.windows_pairs import MAX_CHARACTERS, WindowsPairs
from jikimi.domain.event import Event
from tests.collectors.logs.lines import EXAMPLES
from tests.collectors.logs.reading import NOW

LINES = EXAMPLES["Windows events of Splunk"]


def read(lines: list[str]) -> tuple[list[Event], list[str]]:
    lost: list[str] = []
    log = WindowsPairs(Reading(lambda: NOW, lost.append))
    found = [event for line in lines for event in log.feed(line)]
    return [event for _, event in [*found, *log.flush()]], lost


def test_a_process_creation_of_each_log_has_the_fields_rules_ask_for() -> None:
    (audited, seen), lost = read(LINES)
    assert not lost
    assert (audited["EventID"], audited["Channel"], audited["Computer"]) == (4688, "Security", "PC-1.example.com")
    assert audited["@timestamp"] == "2026-11-23T03:15:00.000000Z"
    assert audited["Provider_Name"] == "Microsoft-Windows-Security-Auditing"
    assert audited["NewProcessName"] == seen["Image"]
    assert audited["CommandLine"] == seen["CommandLine"]
    assert audited["ParentProcessName"] == seen["ParentImage"]
    assert (audited["SubjectUserName"], audited["MandatoryLabel"]) == ("kim", "High")
    assert seen["User"] == "EXAMPLE\\kim"  # and not Splunk's own NOT_TRANSLATED


def test_one_line_holds_an_event_too() -> None:
    line = (
        "11/23/2026 03:15:00 AM LogName=Security EventCode=4688 ComputerName=PC-1 "
        r'New_Process_Name="C:\Windows\a.exe" Process_Command_Line="a.exe \"b c\""'
    )
    (first, second), lost = read([line, line.replace("EventCode=4688", "EventCode=4689")])
    assert not lost
    assert (first["EventID"], second["EventID"]) == (4688, 4689)
    assert (first["NewProcessName"], first["CommandLine"]) == (r"C:\Windows\a.exe", 'a.exe "b c"')


def test_a_record_without_its_head_and_one_beyond_measure_are_counted() -> None:
    events, lost = read(["11/23/2026 03:15:00 AM", "LogName=Security", *LINES[:12], *["x" * 1024] * 300, *LINES])
    assert len(events) == 2
    assert lost == ["not a whole event", f"an event longer than {MAX_CHARACTERS >> 10} KiB"]
