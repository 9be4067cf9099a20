"""Caddy's access log under the field names of Sigma's webserver rules."""

from pathlib import Path
from typing import Any

import pytest

from collectors.files import Problems, read_events
from collectors.logs.caddy import caddy_event
from jikimi.domain.event import TIMESTAMP, canonical
from jikimi.domain.logsource import LogSource

REQUEST = {
    "remote_ip": "192.0.2.9", "remote_port": "50412", "client_ip": "203.0.113.9", "proto": "HTTP/2.0", "method": "GET",
    "host": "www.example.com", "uri": "/index.php?id=1", "headers": {"User-Agent": ["curl/8"], "Referer": ["-"]},
}  # fmt: skip
LINE = {
    "level": "info", "ts": 1795341600.123, "logger": "http.log.access.log0", "msg": "handled request",
    "request": REQUEST, "user_id": "kim", "duration": 0.1, "size": 1234, "status": 404,
}  # fmt: skip


def test_a_request_has_the_words_of_web_server_rules() -> None:
    found = caddy_event(dict(LINE))
    assert found is not None
    assert found.logsource == LogSource(category="webserver")
    assert found.event == {
        TIMESTAMP: "2026-11-22T10:00:00.123000Z",
        "cs-uri-stem": "/index.php",
        "cs-uri-query": ["id=1", "/index.php?id=1"],
        "c-ip": "203.0.113.9",
        "cs-username": "kim",
        "cs-method": "GET",
        "cs-host": "www.example.com",
        "cs-version": "HTTP/2.0",
        "cs-referer": "-",
        "cs-user-agent": "curl/8",
        "sc-status": 404,
        "sc-bytes": 1234,
    }


@pytest.mark.parametrize(
    ("ends", "client"),
    [
        ({"remote_addr": "192.0.2.9:5000"}, "192.0.2.9"),
        ({"remote_addr": "[2001:db8::9]:5000"}, "2001:db8::9"),
        ({"remote_ip": "192.0.2.9"}, "192.0.2.9"),
        ({}, None),
    ],
)
def test_every_version_names_the_client(ends: dict[str, Any], client: str | None) -> None:
    found = caddy_event(LINE | {"request": {"method": "GET", "uri": "/", **ends}})
    assert found is not None
    assert found.event.get("c-ip") == client


@pytest.mark.parametrize("ts", ["2026-11-22T10:00:00.123Z", 1795341600123, 1795341600123000000])
def test_a_time_is_read_in_seconds_milliseconds_nanoseconds_and_as_text(ts: object) -> None:
    found = caddy_event(LINE | {"ts": ts})
    assert found is not None
    assert found.event[TIMESTAMP] == "2026-11-22T10:00:00.123000Z"


def test_caddys_other_messages_and_other_programs_requests_are_none() -> None:
    assert caddy_event({**LINE, "logger": "http.log.error"}) is None
    assert caddy_event({"request": {"uri": "/"}, "status": 200}) is None


@pytest.mark.parametrize("request_", [{}, {"headers": []}, {"headers": {"User-Agent": [1]}, "uri": 5}])
def test_a_request_with_odd_parts_is_read_as_far_as_it_goes(request_: dict[str, Any]) -> None:
    assert caddy_event(LINE | {"request": request_}) is not None


def test_a_file_of_them_is_told_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "any-name"
    path.write_bytes((canonical(LINE) + b"\n") * 2)
    assert [found.logsource.category for found in read_events(path, problems=Problems())] == ["webserver"] * 2
