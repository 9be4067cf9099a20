"""System log files: heads, times without a year, and what well-known programs say."""

from datetime import timedelta, timezone

import pytest

from collectors.logs.syslog import Syslog
from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource
from tests.collectors.logs.reading import read


def _one(line: str) -> tuple[LogSource, Event]:
    ((source, event),) = read(Syslog, [line])
    return source, event


@pytest.mark.parametrize(
    ("head", "stamp"),
    [
        ("Nov 22 10:00:00 web1", "2026-11-22T10:00:00.000000Z"),
        ("Nov  2 10:00:00 web1", "2026-11-02T10:00:00.000000Z"),
        ("Dec 31 23:59:59 web1", "2025-12-31T23:59:59.000000Z"),  # later than now: last year's
        ("Nov 23 10:00:00 web1", "2026-11-23T10:00:00.000000Z"),  # a clock ahead by less than a day
        ("Nov 22 2024 10:00:00 web1", "2024-11-22T10:00:00.000000Z"),
        ("Feb 29 10:00:00 web1", "2024-02-29T10:00:00.000000Z"),
        ("<13>Nov 22 10:00:00 web1", "2026-11-22T10:00:00.000000Z"),
        ("2026-11-22T10:00:00.5+09:00 web1", "2026-11-22T01:00:00.500000Z"),
        ("Nov 22 10:00:00 web1 auth.info", "2026-11-22T10:00:00.000000Z"),  # BusyBox, Alpine
    ],
)
def test_a_head_gives_time_and_host(head: str, stamp: str) -> None:
    _, event = _one(f"{head} app[7]: hello")
    assert (event["@timestamp"], event["Hostname"], event["program"], event["pid"]) == (stamp, "web1", "app", "7")


def test_a_line_of_rfc_5424_reads_like_the_traditional_one() -> None:
    line = (
        '<34>1 2026-11-22T10:00:00.5Z web1 sshd 8 ID47 [x y="a]b"] Failed password for kim from 192.0.2.5 port 1 ssh2'
    )
    source, event = _one(line.replace("]b", "\\]b"))
    assert source == LogSource(product="linux", service="sshd")
    assert (event["Hostname"], event["User"], event["@timestamp"]) == ("web1", "kim", "2026-11-22T10:00:00.500000Z")


def test_a_blank_that_rsyslog_carries_into_rfc_5424_is_no_part_of_the_message() -> None:
    line = "<13>1 2026-11-22T10:00:00.5Z web1 sshd 77 - -  Failed password for root from 192.0.2.5 port 1 ssh2"
    assert _one(line)[1]["message"].startswith("sshd[77]: Failed")


def test_a_time_without_a_zone_is_of_the_zone_that_was_said() -> None:
    seoul = timezone(timedelta(hours=9))
    ((_, event),) = read(Syslog, ["Nov 22 10:00:00 web1 app: hello"], zone=seoul)
    assert event["@timestamp"] == "2026-11-22T01:00:00.000000Z"


def test_the_message_begins_with_the_program_as_rules_look_for_it() -> None:
    assert _one("Nov 22 10:00:00 web1 named[9]: exiting (due to fatal error)")[1]["message"] == (
        "named[9]: exiting (due to fatal error)"
    )


@pytest.mark.parametrize(
    ("program", "service"),
    [
        ("sshd[1]", "sshd"),
        ("/usr/sbin/CRON[1]", "cron"),
        ("useradd[1]", "auth"),
        ("(cron)[1]", "cron"),
        ("other", "syslog"),
    ],
)
def test_a_program_names_its_service(program: str, service: str) -> None:
    assert _one(f"Nov 22 10:00:00 web1 {program}: text")[0] == LogSource(product="linux", service=service)


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        (
            "sshd[8]: Failed password for invalid user adm in from 192.0.2.5 port 4022 ssh2",
            {
                "User": "adm in",
                "SourceIp": "192.0.2.5",
                "SourcePort": 4022,
                "Outcome": "failure",
                "Method": "password",
            },
        ),
        (
            "sshd[8]: Accepted publickey for kim from 2001:db8::5 port 1 ssh2",
            {"User": "kim", "SourceIp": "2001:db8::5", "Outcome": "success"},
        ),
        (
            "sudo: kim : 1 incorrect password attempt ; PWD=/a b ; USER=root ; COMMAND=/bin/sh -c 'x ; USER=y'",
            {"User": "kim", "USER": "root", "PWD": "/a b", "COMMAND": "/bin/sh -c 'x ; USER=y'", "Outcome": "failure"},
        ),
        ("CRON[1]: (root) CMD ( run-parts /etc/cron.d )", {"User": "root", "Action": "CMD"}),
        (
            "kernel: [1.2] DROP IN=eth0 OUT= SRC=192.0.2.9 DST=192.0.2.1 LEN=40 PROTO=TCP SPT=4000 DPT=22 ",
            {"src_ip": "192.0.2.9", "dst_ip": "192.0.2.1", "dst_port": 22, "action": "blocked", "blocked": "true"},
        ),
        ("dnsmasq[1]: query[TXT] x.example.com from 192.0.2.5", {"query": "x.example.com", "record_type": "TXT"}),
        ("dnsmasq[1]: reply x.example.com is 203.0.113.5", {"query": "x.example.com", "answer": "203.0.113.5"}),
        ("clamd[1]: /srv/a: b.php: Php.Shell-1 FOUND", {"Filename": "/srv/a: b.php", "Signature": "Php.Shell-1"}),
    ],
)
def test_what_a_program_said_is_told_in_fields(line: str, fields: Event) -> None:
    _, event = _one(f"Nov 22 10:00:00 web1 {line}")
    assert fields.items() <= event.items()


def test_audit_records_in_the_system_log_are_audit_records() -> None:
    source, event = _one('Nov 22 10:00:00 web1 audispd: type=PATH msg=audit(1795341600.1:9): name="/etc/shadow"')
    assert (source.service, event["name"], event["Hostname"]) == ("auditd", "/etc/shadow", "web1")


def test_sysmon_for_linux_is_read_also_where_the_line_is_cut() -> None:
    xml = (
        '<Event><System><Provider Name="Linux-Sysmon"/><EventID>3</EventID><Channel>Linux-Sysmon/Operational</Channel>'
        '</System><EventData><Data Name="Image">/usr/bin/nc</Data><Data Name="DestinationIp">203.0.113.5</Data><Data Na'
    )
    source, event = _one(f"Nov 22 10:00:00 web1 sysmon: {xml}")
    assert source == LogSource("linux", "network_connection", "sysmon")
    assert (event["Image"], event["DestinationIp"], event["EventID"]) == ("/usr/bin/nc", "203.0.113.5", 3)


def test_a_line_without_a_head_continues_the_message_before_it() -> None:
    first, second = read(Syslog, ["Nov 22 10:00:00 web1 sshd[8]: error:", "  more of it"])
    assert second.logsource == first.logsource
    assert (second.event["@timestamp"], second.event["message"]) == (first.event["@timestamp"], "  more of it")


@pytest.mark.parametrize(
    "message",
    [
        "Failed password for invalid user {} from 203.0.113.9 port 51235 ssh2",
        "Failed password for {} from 203.0.113.9 port 51235 ssh2",
        "Invalid user {} from 203.0.113.9 port 51235",
        "error: maximum authentication attempts exceeded for {} from 203.0.113.9 port 51235 ssh2 [preauth]",
    ],
)
def test_a_user_name_that_looks_like_an_address_is_not_taken_for_one(message: str) -> None:
    name = "root from 198.51.100.1 port 22 ssh2"
    _, event = _one(f"Nov 22 10:00:00 web1 sshd[9]: {message.format(name)}")
    assert (event["User"], event["SourceIp"], event["SourcePort"]) == (name, "203.0.113.9", 51235)


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("(to root) kim on pts/0", "success"),
        ("FAILED SU (to root) kim on pts/0", "failure"),
        ("Successful su for root by kim", "success"),
        ("FAILED su for root by kim", "failure"),
    ],
)
def test_su_tells_who_became_whom_or_tried(message: str, outcome: str) -> None:
    _, event = _one(f"Nov 22 10:00:00 web1 su[9]: {message}")
    assert (event["User"], event["By"], event["Outcome"]) == ("root", "kim", outcome)


def test_a_request_that_haproxy_passed_on_is_a_web_servers() -> None:
    source, event = _one(
        "Nov 22 10:00:00 web1 haproxy[9]: 203.0.113.9:33317 [22/Nov/2026:10:00:00.655] http-in static/srv1 "
        '10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {shop.example.com} {} "GET /a.php?id=1#27 HTTP/1.1"'
    )
    assert source == LogSource(category="webserver")
    assert (event["c-ip"], event["sc-status"], event["sc-bytes"]) == ("203.0.113.9", 200, 2750)
    assert event["cs-uri-query"] == ["id=1'", "/a.php?id=1'"]


@pytest.mark.parametrize(
    "message",
    [
        "Connect from 203.0.113.9:33317 to 192.0.2.1:80 (http-in/HTTP)",
        "203.0.113.9:33318 [22/Nov/2026:10:00:12.655] fe-tcp bk/srv1 1/0/109 2750 -- 1/1/1/1/0 0/0",
    ],
)
def test_what_haproxy_says_that_is_no_request_stays_a_message(message: str) -> None:
    source, event = _one(f"Nov 22 10:00:00 web1 haproxy[9]: {message}")
    assert source == LogSource(product="linux", service="syslog")
    assert event["message"].endswith(message)
