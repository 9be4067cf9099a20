"""Logs that are JSON objects: the journal, Zeek, laurel, Sysmon for Linux."""

from typing import Any

from collectors.logs.objects import LogObjects
from collectors.logs.port import Reading
from collectors.source_event import SourceEvent
from jikimi.domain.logsource import LogSource
from tests.collectors.logs.reading import NOW


def _take(*objects: dict[str, Any]) -> list[SourceEvent]:
    log = LogObjects(Reading(lambda: NOW, lambda _: None))
    return [event for value in objects for event in log.take(value)] + list(log.flush())


ENTRY = {"__REALTIME_TIMESTAMP": "1795341600100000", "_HOSTNAME": "web1", "_PID": "8", "SYSLOG_IDENTIFIER": "sshd"}


class TestJournal:
    def test_an_entry_reads_like_the_line_in_a_system_log(self) -> None:
        ((source, event),) = _take(ENTRY | {"MESSAGE": "Failed password for kim from 192.0.2.5 port 1 ssh2"})
        assert source == LogSource(product="linux", service="sshd")
        assert event["@timestamp"] == "2026-11-22T10:00:00.100000Z"
        assert event["message"] == "sshd[8]: Failed password for kim from 192.0.2.5 port 1 ssh2"
        assert (event["User"], event["Outcome"], event["Hostname"]) == ("kim", "failure", "web1")

    def test_a_message_that_is_not_utf8_comes_as_bytes(self) -> None:
        ((_, event),) = _take(ENTRY | {"MESSAGE": [72, 105, 255]})
        assert event["message"] == "sshd[8]: Hi\ufffd"

    def test_audit_records_of_the_journal_are_joined(self) -> None:
        entry = ENTRY | {"_TRANSPORT": "audit", "_AUDIT_ID": "7", "_SOURCE_REALTIME_TIMESTAMP": "1795341600100000"}
        found = _take(
            entry | {"_AUDIT_TYPE_NAME": "SYSCALL", "MESSAGE": 'SYSCALL arch=c000003e syscall=59 success=yes exe="/a"'},
            entry | {"_AUDIT_TYPE_NAME": "EXECVE", "MESSAGE": 'EXECVE argc=1 a0="a"'},
        )
        assert [str(source) for source, _ in found] == [
            "product=linux service=auditd",
            "product=linux service=auditd",
            "product=linux category=process_creation",
        ]

    def test_sysmon_for_linux_in_the_journal_is_read(self) -> None:
        xml = "<Event><System><EventID>11</EventID><Channel>Linux-Sysmon/Operational</Channel></System>"
        ((source, _),) = _take(ENTRY | {"SYSLOG_IDENTIFIER": "sysmon", "MESSAGE": xml})
        assert source == LogSource("linux", "file_event", "sysmon")


class TestZeek:
    def test_the_log_is_told_by_its_path_or_its_fields(self) -> None:
        at = {"ts": 1795341600.1, "uid": "C1"}
        found = _take(at | {"_path": "smtp"}, at | {"method": "GET", "uri": "/"}, at | {"conn_state": "SF"})
        assert [source.service for source, _ in found] == ["smtp", "http", "conn"]
        assert all(event["@timestamp"] == "2026-11-22T10:00:00.100000Z" for _, event in found)

    def test_an_object_with_a_time_alone_is_not_zeeks(self) -> None:
        assert _take({"ts": 1795341600.1, "level": "info"}) == []


def test_laurels_object_is_the_records_it_was_made_of_and_what_they_tell() -> None:
    value = {
        "ID": "1795341600.100:7",
        "NODE": "web1",
        "SYSCALL": {"syscall": 59, "SYSCALL": "execve", "success": "yes", "exe": "/usr/bin/ls", "pid": 9, "uid": 0},
        "EXECVE": {"argc": 2, "ARGV": ["ls", "-la"]},
        "PATH": [{"item": 0, "name": "/usr/bin/ls", "nametype": "NORMAL"}],
    }
    *records, process = _take(value)
    assert [event["type"] for _, event in records] == ["SYSCALL", "EXECVE", "PATH"]
    assert records[1].event["a1"] == "-la"
    assert (process.event["CommandLine"], process.event["User"], process.event["Hostname"]) == (
        "ls -la",
        "root",
        "web1",
    )
