"""The audit log: single records as they are written, and what the records of one system call tell together."""

from typing import Any

import pytest

from collectors.logs.auditd import MAX_OPEN, Auditd
from collectors.logs.port import Reading
from jikimi.domain.logsource import LogSource
from tests.collectors.logs.reading import NOW, read


def _record(kind: str, text: str, serial: int = 1) -> str:
    return f"type={kind} msg=audit(1795341600.100:{serial}): {text}"


def _call(number: int, serial: int = 1, exe: str = "/usr/bin/vi", **fields: str) -> str:
    more = {"success": "yes", "exit": "0", "ppid": "1", "pid": "100", "uid": "1000"} | fields
    said = " ".join(f"{name}={value}" for name, value in more.items())
    return _record("SYSCALL", f'arch=c000003e syscall={number} {said} comm="x" exe="{exe}" key=(null)', serial)


def _of(category: str, lines: list[str]) -> list[dict[str, Any]]:
    return [event for source, event in read(Auditd, lines) if source == LogSource("linux", category)]


class TestRecords:
    def test_a_record_has_its_fields_under_their_own_names(self) -> None:
        ((source, event),) = read(Auditd, [_record("PATH", 'item=0 name="/etc/shadow" nametype=NORMAL')])
        assert source == LogSource(product="linux", service="auditd")
        assert (event["type"], event["name"], event["nametype"]) == ("PATH", "/etc/shadow", "NORMAL")
        assert event["@timestamp"] == "2026-11-22T10:00:00.100000Z"

    def test_strings_in_hexadecimal_are_decoded_and_numbers_are_not(self) -> None:
        (execve,) = read(Auditd, [_record("EXECVE", 'argc=2 a0="sh" a1=6C73202F726F6F74')])
        assert execve.event["a1"] == "ls /root"
        (call, *_) = read(Auditd, [_call(2, a1="7265")])
        assert call.event["a1"] == "7265"

    def test_a_process_title_has_blanks_between_its_words(self) -> None:
        (title,) = read(Auditd, [_record("PROCTITLE", "proctitle=6C73002D6C61")])
        assert title.event["proctitle"] == "ls -la"

    def test_the_fields_of_a_programs_message_are_the_records(self) -> None:
        (stop,) = read(Auditd, [_record("SERVICE_STOP", "pid=1 msg='unit=firewalld comm=\"systemd\" res=success'")])
        assert (stop.event["unit"], stop.event["res"]) == ("firewalld", "success")

    @pytest.mark.parametrize(
        ("arch", "number", "name"),
        [
            ("c000003e", 59, "execve"),
            ("40000003", 11, "execve"),
            ("c00000b7", 221, "execve"),
            ("c000003e", 319, "memfd_create"),
        ],
    )
    def test_a_system_call_is_named_by_machine_and_number(self, arch: str, number: int, name: str) -> None:
        (call,) = read(Auditd, [_record("SYSCALL", f"arch={arch} syscall={number} success=no")])
        assert call.event["SYSCALL"] == name

    def test_names_that_auditd_wrote_itself_stand(self) -> None:
        (call,) = read(Auditd, [_record("SYSCALL", 'arch=c000003e syscall=2 success=no\x1dSYSCALL=openat UID="kim"')])
        assert (call.event["SYSCALL"], call.event["UID"]) == ("openat", "kim")

    def test_several_keys_are_several_values(self) -> None:
        (call,) = read(Auditd, [_record("SYSCALL", "success=no key=61626301646566")])
        assert call.event["key"] == ["abc", "def"]

    def test_ausearchs_interpreted_form_is_read(self) -> None:
        line = "type=EXECVE msg=audit(11/22/2026 10:00:00.100:9) : argc=3 a0=kill a1=-9 a2=4242"
        (execve,) = read(Auditd, [line])
        assert (execve.event["a1"], execve.event["a2"]) == ("-9", "4242")
        assert execve.event["@timestamp"] == "2026-11-22T10:00:00.100000Z"

    def test_the_kernels_own_line_has_a_number_for_a_type(self) -> None:
        (avc,) = read(Auditd, ['audit: type=1400 audit(1795341600.100:9): apparmor="DENIED" operation="open"'])
        assert (avc.event["type"], avc.event["apparmor"]) == ("AVC", "DENIED")

    def test_messages_within_messages_beyond_measure_are_read_no_deeper(self) -> None:
        (record,) = read(Auditd, [_record("USER_CMD", "pid=1 " + "msg='a=1 " * 5_000)])
        assert record.event["pid"] == "1"

    def test_a_line_that_is_no_record_is_told(self) -> None:
        reasons: list[str] = []
        assert read(Auditd, ["garbage", ""], reasons.append) == []
        assert reasons == ["not an audit record"]


class TestJoined:
    def test_execve_is_a_process_creation(self) -> None:
        lines = [
            _call(59, exe="/usr/bin/wget", uid="0"),
            _record("EXECVE", 'argc=3 a0="wget" a1="-q" a2=2F746D702F612062'),
            _record("CWD", 'cwd="/root"'),
            _record("EOE", ""),
        ]
        (event,) = _of("process_creation", lines)
        assert event["Image"] == "/usr/bin/wget"
        assert event["CommandLine"] == "wget -q /tmp/a b"
        assert (event["CurrentDirectory"], event["User"], event["ProcessId"]) == ("/root", "root", "100")

    def test_a_long_argument_in_pieces_is_one_again(self) -> None:
        lines = [
            _call(59),
            _record("EXECVE", 'argc=2 a0="sh" a1_len=6 a1[0]=616263'),
            _record("EXECVE", "a1[1]=646566"),
        ]
        (event,) = _of("process_creation", lines)
        assert event["CommandLine"] == "sh abcdef"

    def test_a_child_names_the_parent_that_was_seen_to_begin(self) -> None:
        lines = [
            _call(59, 1, exe="/usr/bin/java", pid="50"),
            _record("EXECVE", 'argc=1 a0="java"', 1),
            _call(59, 2, exe="/usr/bin/id", pid="51", ppid="50"),
            _record("EXECVE", 'argc=1 a0="id"', 2),
        ]
        _, child = _of("process_creation", lines)
        assert (child["ParentImage"], child["ParentCommandLine"]) == ("/usr/bin/java", "java")

    def test_a_call_that_failed_tells_nothing(self) -> None:
        assert _of("process_creation", [_call(59, success="no"), _record("EXECVE", 'argc=1 a0="id"')]) == []

    def test_a_made_file_has_its_whole_path(self) -> None:
        lines = [_call(257), _record("CWD", 'cwd="/etc"'), _record("PATH", 'item=1 name="cron.d/x" nametype=CREATE')]
        (event,) = _of("file_event", lines)
        assert (event["TargetFilename"], event["Image"]) == ("/etc/cron.d/x", "/usr/bin/vi")

    def test_an_emptied_file_is_made_anew_and_one_that_is_read_is_not(self) -> None:
        path = _record("PATH", 'item=0 name="/etc/hosts" nametype=NORMAL')
        assert _of("file_event", [_call(257, a2="241"), path])
        assert not _of("file_event", [_call(257, a2="0"), path])

    def test_a_rename_has_both_names(self) -> None:
        lines = [
            _call(82),
            _record("PATH", 'item=2 name="/a" nametype=DELETE'),
            _record("PATH", 'item=3 name="/b" nametype=CREATE'),
        ]
        (event,) = _of("file_rename", lines)
        assert (event["SourceFilename"], event["TargetFilename"]) == ("/a", "/b")

    @pytest.mark.parametrize(
        ("saddr", "peer"),
        [
            ("02000050C00002050000000000000000", ("192.0.2.5", 80)),
            ("0A0001BB0000000020010DB800000000000000000000000500000000", ("2001:db8::5", 443)),
        ],
    )
    def test_a_connect_names_its_peer(self, saddr: str, peer: tuple[str, int]) -> None:
        lines = [_call(42, success="no", exit="-115"), _record("SOCKADDR", f"saddr={saddr}")]
        (event,) = _of("network_connection", lines)
        assert (event["DestinationIp"], event["DestinationPort"], event["Initiated"]) == (*peer, "true")

    def test_a_local_socket_is_no_connection(self) -> None:
        assert not _of("network_connection", [_call(42), _record("SOCKADDR", "saddr=01002F72756E2F78")])

    def test_the_oldest_call_is_joined_without_its_end_when_too_many_are_open(self) -> None:
        log = Auditd(Reading(lambda: NOW, lambda _: None))
        found = [
            event
            for serial in range(1, MAX_OPEN + 2)
            for line in (_call(59, serial), _record("EXECVE", f'argc=1 a0="n{serial}"', serial))
            for source, event in log.feed(line)
            if source.category is not None
        ]
        assert [event["CommandLine"] for event in found] == ["n1"]
        assert len(log.flush()) == MAX_OPEN
