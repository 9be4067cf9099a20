"""Text logs as files: told by content, forced by a log source, damaged, packed, rotated."""

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest

from collectors.files import Problems, SourceEvent, input_files, read_events
from jikimi.domain.logsource import LogSource
from jikimi.errors import Misconfigured
from tests.collectors.logs.lines import EXAMPLES

ACCESS = "".join(f"{line}\n" for line in EXAMPLES["access log"])
AUDIT = "".join(f"{line}\n" for line in EXAMPLES["Linux audit log"])


def _read(path: Path, content: bytes | str, **how: Any) -> tuple[list[SourceEvent], Problems]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    problems = Problems()
    return list(read_events(path, problems=problems, **how)), problems


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_log_of_any_name_is_read_by_its_content(name: str, tmp_path: Path) -> None:
    events, problems = _read(tmp_path / "some.thing", "\n".join(EXAMPLES[name]))
    assert events
    assert str(problems) == "no problems"


def test_a_rotated_and_packed_log_is_read(tmp_path: Path) -> None:
    events, _ = _read(tmp_path / "access.log.2.gz", gzip.compress(ACCESS.encode()))
    assert len(events) == len(EXAMPLES["access log"])


def test_damaged_lines_are_counted_with_their_place_and_cost_no_other(tmp_path: Path) -> None:
    damage = b"\x00\xff\xfe broken\n" + b"x" * 200_000 + b"\n"
    events, problems = _read(tmp_path / "a.log", ACCESS.encode() + damage + ACCESS.encode())
    assert len(events) == 2 * len(EXAMPLES["access log"])
    assert problems.unreadable == 2
    assert problems.notes[0].endswith("a.log line 5: not a line of an access log")
    assert problems.notes[1].endswith("a.log line 6: longer than 64 KiB")


def test_bytes_that_are_not_utf8_are_replaced_and_counted(tmp_path: Path) -> None:
    (event,), problems = _read(tmp_path / "a.log", b"Nov 22 10:00:00 web1 app: caf\xe9\n")
    assert event.event["message"] == "app: caf\ufffd"
    assert problems.repaired == 1


def test_a_log_source_that_is_stated_keeps_what_a_log_says_more_exactly(tmp_path: Path) -> None:
    stated = LogSource(product="linux", service="auditd")
    events, _ = _read(tmp_path / "a.log", AUDIT, logsource=stated)
    assert {event.logsource for event in events} >= {stated, LogSource("linux", "process_creation")}


def test_a_log_source_of_another_kind_stands_over_what_the_lines_look_like(tmp_path: Path) -> None:
    stated = LogSource(product="cisco", service="aaa")
    events, _ = _read(tmp_path / "a.log", "Nov 22 10:00:00 sw1 app: clear logging\n", logsource=stated)
    assert [event.logsource for event in events] == [stated]


def test_text_of_no_form_is_read_when_its_log_source_is_stated(tmp_path: Path) -> None:
    stated = LogSource(product="jvm", category="application")
    events, _ = _read(tmp_path / "a.log", "2026-11-22 10:00:00,5 boom\n  at x.y\n", logsource=stated)
    assert [(e.logsource, e.event["message"]) for e in events] == [
        (stated, "2026-11-22 10:00:00,5 boom"),
        (stated, "  at x.y"),
    ]
    assert events[1].event["@timestamp"] == "2026-11-22T10:00:00.500000Z"


def test_text_of_no_form_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="--logsource"):
        _read(tmp_path / "a.log", "once upon a time\n")


def test_records_wrapped_in_one_object_are_events(tmp_path: Path) -> None:
    record = {"eventSource": "x", "eventName": "x", "awsRegion": "x", "eventTime": "2026-11-22T10:00:00Z"}
    ((source, event),), _ = _read(tmp_path / "a.json", orjson.dumps({"Records": [record]}))
    assert source == LogSource(product="aws", service="cloudtrail")
    assert event["@timestamp"] == "2026-11-22T10:00:00.000000Z"


def test_a_folder_of_logs_gives_rotated_ones_and_those_without_an_ending(tmp_path: Path) -> None:
    for name in (
        "auth.log.1",
        "syslog",
        "access.log-20261122",
        "messages-20261122.gz",
        "secure",
        "notes.txt",
        "core.1",
    ):
        (tmp_path / name).touch()
    assert [path.name for path in input_files([tmp_path])] == [
        "access.log-20261122",
        "auth.log.1",
        "messages-20261122.gz",
        "secure",
        "syslog",
    ]


@pytest.mark.parametrize(
    ("event", "source"),
    [
        ({"type": "EXECVE", "a0": "id"}, LogSource(product="linux", service="auditd")),
        ({"Image": "/usr/bin/id", "CommandLine": "id"}, LogSource("linux", "process_creation")),
        ({"Image": "C:\\a.exe", "CommandLine": "a"}, LogSource("windows", "process_creation")),
        ({"cs-method": "GET", "cs-uri-query": "/a"}, LogSource(category="webserver")),
        ({"query": "example.com", "record_type": "A"}, LogSource(category="dns")),
        ({"c-uri": "http://example.com/"}, LogSource(category="proxy")),
    ],
    ids=str,
)
def test_an_object_with_the_words_of_one_log_source_is_of_it(
    event: dict[str, str], source: LogSource, tmp_path: Path
) -> None:
    ((found, _),), _ = _read(tmp_path / "a.json", orjson.dumps(event))
    assert found == source
