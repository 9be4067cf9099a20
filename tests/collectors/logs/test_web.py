"""Web servers' and proxies' logs under the field names of Sigma's webserver and proxy rules."""

import pytest

from collectors.logs.access_log import AccessLog
from collectors.logs.squid import Squid
from collectors.logs.w3c import W3cExtended
from collectors.logs.web_fields import proxy_fields
from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource
from tests.collectors.logs.reading import read

IIS = "#Fields: date time cs-method cs-uri-stem cs-uri-query c-ip cs(User-Agent) sc-status"


def _access(line: str) -> Event:
    ((_, event),) = read(AccessLog, [line])
    return event


class TestAccessLog:
    def test_a_combined_line_gives_every_field(self) -> None:
        request = '192.0.2.5 - kim [22/Nov/2026:10:00:00 +0900] "GET /a.php?x=1 HTTP/1.1" 200 5'
        assert _access(f'{request} "http://example.com/" "curl/8"') == {
            "@timestamp": "2026-11-22T01:00:00.000000Z",
            "c-ip": "192.0.2.5",
            "cs-username": "kim",
            "cs-method": "GET",
            "cs-uri-stem": "/a.php",
            "cs-uri-query": ["x=1", "/a.php?x=1"],
            "cs-version": "HTTP/1.1",
            "sc-status": 200,
            "sc-bytes": 5,
            "cs-referer": "http://example.com/",
            "cs-user-agent": "curl/8",
        }

    @pytest.mark.parametrize("user", ["kim lee", "198.51.100.1 x", "198.51.100.1 - -"])
    def test_a_user_name_with_blanks_moves_no_address(self, user: str) -> None:
        event = _access(f'203.0.113.9 - {user} [22/Nov/2026:10:00:00 +0900] "GET / HTTP/1.1" 401 5')
        assert (event["c-ip"], event["cs-username"]) == ("203.0.113.9", user)
        assert "cs-host" not in event

    @pytest.mark.parametrize("host", ["shop.example.com:443", "[2001:db8::80]:443", "*"])
    def test_a_virtual_host_stands_before_the_client(self, host: str) -> None:
        event = _access(f'{host} 203.0.113.9 - - [22/Nov/2026:10:00:00 +0900] "GET / HTTP/1.1" 200 5')
        assert (event["c-ip"], event["cs-host"]) == ("203.0.113.9", host)

    def test_what_the_client_did_not_send_is_no_field(self) -> None:
        event = _access('192.0.2.5 - - [22/Nov/2026:10:00:00 +0900] "GET / HTTP/1.1" 200 - "-" "-"')
        assert not {"cs-username", "cs-referer", "cs-user-agent", "sc-bytes"} & event.keys()

    def test_quotes_and_bytes_that_the_server_escaped_are_undone(self) -> None:
        event = _access('192.0.2.5 - - [22/Nov/2026:10:00:00 +0900] "GET /\\xea\\xb0\\x80 HTTP/1.1" 200 1 "-" "a\\"b"')
        assert (event["cs-uri-stem"], event["cs-user-agent"]) == ("/가", 'a"b')

    def test_a_request_that_is_no_http_is_kept_whole(self) -> None:
        event = _access('192.0.2.5 - - [22/Nov/2026:10:00:00 +0900] "\\x16\\x03\\x01" 400 226')
        assert (event["cs-uri-query"], event["sc-status"]) == ("\x16\x03\x01", 400)
        assert "cs-method" not in event

    def test_a_virtual_host_before_the_client_is_the_host(self) -> None:
        event = _access('www.example.com:443 192.0.2.5 - - [22/Nov/2026:10:00:00 +0900] "GET / HTTP/1.1" 200 1')
        assert (event["cs-host"], event["c-ip"]) == ("www.example.com:443", "192.0.2.5")

    def test_squids_result_at_the_end_makes_it_a_proxys_line(self) -> None:
        line = '192.0.2.10 - - [20/Nov/2026:03:11:02 +0900] "{} HTTP/1.1" 200 512 "-" "rclone/v1" {}'
        (of_proxy,) = read(AccessLog, [line.format("GET http://example.com/a.exe", "TCP_MISS:HIER_DIRECT")])
        assert of_proxy.logsource == LogSource(category="proxy")
        wanted = {"cs-host": "example.com", "c-uri-extension": "exe", "c-useragent": "rclone/v1"}
        assert of_proxy.event.items() >= wanted.items()

    def test_a_whole_address_asked_of_a_web_server_stays_its_own(self) -> None:
        line = '192.0.2.10 - - [20/Nov/2026:03:11:02 +0900] "GET http://example.com/?id=1 HTTP/1.1" 200 512 "-" "-"'
        (of_server,) = read(AccessLog, [line])
        assert of_server.logsource == LogSource(category="webserver")

    def test_a_line_cut_in_its_request_still_tells_the_request(self) -> None:
        assert (
            _access('192.0.2.5 - - [22/Nov/2026:10:00:00 +0900] "GET /../../etc/pas')["cs-uri-stem"] == "/../../etc/pas"
        )


class TestW3c:
    def test_columns_are_named_by_the_last_fields_line(self) -> None:
        lines = [IIS, "2026-11-22 10:00:00 GET /a x=1 192.0.2.5 Mozilla/5.0+(X11) 200", "#Fields: date time c-ip",
                 "2026-11-22 10:00:01 192.0.2.6"]  # fmt: skip
        first, second = read(W3cExtended, lines)
        assert first.logsource == LogSource(category="webserver")
        assert first.event["cs-user-agent"] == ["Mozilla/5.0 (X11)", "Mozilla/5.0+(X11)"]
        assert (first.event["cs-uri-query"], first.event["sc-status"]) == (["x=1", "/a?x=1"], 200)
        assert second.event["c-ip"] == "192.0.2.6"

    def test_a_proxys_columns_are_put_together_to_the_address(self) -> None:
        columns = "c-ip s-action cs-uri-scheme cs-host cs-uri-port cs-uri-path cs-uri-query cs(User-Agent)"
        lines = [
            f"#Fields: date time {columns}",
            '2026-11-22 10:00:00 192.0.2.5 TCP_MISS http example.com 8080 /d/a.exe ?x=1 "Mozilla/4.0 (x y)"',
        ]
        ((source, event),) = read(W3cExtended, lines)
        assert source == LogSource(category="proxy")
        assert event["c-uri"] == "http://example.com:8080/d/a.exe?x=1"
        assert (event["c-uri-extension"], event["cs-host"]) == ("exe", "example.com")
        assert event["c-useragent"] == "Mozilla/4.0 (x y)"

    def test_a_row_of_another_length_is_told(self) -> None:
        reasons: list[str] = []
        assert read(W3cExtended, [IIS, "2026-11-22 10:00:00 GET /a"], reasons.append) == []
        assert reasons == ["4 columns where #Fields names 8"]


def test_squid_tells_client_server_and_address() -> None:
    request = "1795341600.890    120 192.0.2.5 TCP_MISS/200 4512 GET http://example.com/a.exe?x=1"
    ((source, event),) = read(Squid, [f"{request} kim HIER_DIRECT/203.0.113.5 text/html"])
    assert source == LogSource(category="proxy")
    assert (event["c-ip"], event["dst_ip"], event["sc-status"]) == ("192.0.2.5", "203.0.113.5", 200)
    assert (event["c-uri"], event["c-uri-query"]) == ("http://example.com/a.exe?x=1", "x=1")


@pytest.mark.parametrize(
    ("url", "host", "stem"),
    [
        ("http://example.com:8080/a/b", "example.com", "/a/b"),
        ("example.com:443", "example.com", None),
        ("http://[2001:db8::1]:80/a", "2001:db8::1", "/a"),
        ("http://[broken/a", None, "/a"),
    ],
)
def test_an_address_has_host_and_path(url: str, host: str | None, stem: str | None) -> None:
    fields = proxy_fields(url)
    assert (fields.get("cs-host"), fields.get("c-uri-stem")) == (host, stem)
