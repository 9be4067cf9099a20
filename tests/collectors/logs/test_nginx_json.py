"""nginx's access log as JSON under the field names of Sigma's webserver rules."""

from datetime import UTC, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from collectors.files import Problems, read_events
from collectors.logs.nginx_json import nginx_event
from jikimi.domain.event import TIMESTAMP, canonical
from jikimi.domain.logsource import LogSource

LINE = {
    "time_iso8601": "2026-11-22T19:00:00+09:00", "remote_addr": "192.0.2.9", "remote_user": "kim",
    "request": "GET /index.php?id=1 HTTP/1.1", "status": "404", "body_bytes_sent": "153",
    "http_host": "www.example.com", "http_referer": "", "http_user_agent": "curl/8",
}  # fmt: skip
WORDS = {
    TIMESTAMP: "2026-11-22T10:00:00.000000Z",
    "cs-method": "GET",
    "cs-uri-stem": "/index.php",
    "cs-uri-query": ["id=1", "/index.php?id=1"],
    "cs-version": "HTTP/1.1",
    "c-ip": "192.0.2.9",
    "cs-username": "kim",
    "cs-user-agent": "curl/8",
    "cs-host": "www.example.com",
    "sc-status": 404,
    "sc-bytes": 153,
}


def _event(line: dict[str, Any]) -> dict[str, Any]:
    found = nginx_event(line, timezone(timedelta(hours=9)))
    assert found is not None
    assert found.logsource == LogSource(category="webserver")
    return found.event


@pytest.mark.parametrize(
    "request_",
    [
        {"request": "GET /index.php?id=1 HTTP/1.1"},
        {"request_method": "GET", "request_uri": "/index.php?id=1", "args": "id=1", "server_protocol": "HTTP/1.1"},
        {"request_method": "GET", "uri": "/index.php", "args": "id=1", "server_protocol": "HTTP/1.1"},
    ],
)
def test_a_request_has_the_words_of_web_server_rules_however_its_parts_are_written(request_: dict[str, str]) -> None:
    others = {name: value for name, value in LINE.items() if name != "request"}
    assert _event(others | request_) == WORDS


@pytest.mark.parametrize(
    "time",
    [
        {"time_local": "22/Nov/2026:10:00:00 +0000"},
        {"time_local": "22/Nov/2026:19:00:00"},
        {"msec": "1795341600.000"},
        {"msec": 1795341600.0},
        {"time": "2026-11-22T10:00:00Z"},
    ],
)
def test_every_variable_that_holds_a_time_is_read(time: dict[str, Any]) -> None:
    others = {name: value for name, value in LINE.items() if name != "time_iso8601"}
    assert _event(others | time)[TIMESTAMP] == WORDS[TIMESTAMP]


@pytest.mark.parametrize("without", ["remote_addr", "request", "status"])
def test_an_object_of_another_program_is_none_of_them(without: str) -> None:
    assert nginx_event({name: value for name, value in LINE.items() if name != without}, UTC) is None


def test_a_file_is_known_by_its_lines(tmp_path: Path) -> None:
    file = tmp_path / "access.json"
    file.write_bytes(canonical(LINE) + b"\n")
    problems = Problems()
    (found,) = read_events(file, problems=problems)
    assert (found.logsource, str(problems)) == (LogSource(category="webserver"), "no problems")
