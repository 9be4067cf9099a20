"""Files of network devices' lines, as `jikimi detect` and `jikimi replay` read them."""

from pathlib import Path

from collectors.files import Problems, read_events
from tests.collectors.network_devices import test_lines as lines

MORE = (
    lines.PALO_ALTO, lines.CHECK_POINT, lines.PFSENSE, lines.OPNSENSE, lines.MIKROTIK, lines.SONICWALL
)  # fmt: skip


def test_a_file_of_every_vendors_lines_is_told_and_read_with_its_times(tmp_path: Path) -> None:
    path = tmp_path / "utm.log"
    texts = [lines.FORTIGATE, lines.CEF, lines.LEEF, lines.MF2, lines.MF2_CSV, lines.TRUSGUARD, lines.SOPHOS]
    path.write_text("\n".join(texts) + "\n")
    problems = Problems()
    events = list(read_events(path, problems=problems))
    assert [found.logsource.category for found in events] == ["firewall"] * len(texts)
    assert all(found.event["@timestamp"].startswith("2026-11-22T") for found in events[:1])
    assert (problems.unreadable, problems.unclassified) == (0, 0)


def test_a_single_vendors_file_is_told_by_each_of_them(tmp_path: Path) -> None:
    path = tmp_path / "utm.log"
    for text in (
        lines.FORTIGATE,
        lines.CEF,
        lines.LEEF,
        lines.MF2,
        lines.MF2_CSV,
        lines.TRUSGUARD,
        lines.SOPHOS,
        *MORE,
    ):
        path.write_text(f"{text}\n" * 3)
        assert [found.logsource.category for found in read_events(path, problems=Problems())] == ["firewall"] * 3


def test_a_file_of_a_cisco_devices_messages_is_told(tmp_path: Path) -> None:
    path = tmp_path / "cisco.log"
    path.write_text("<189>Nov 22 11:00:00 sw1 123: Nov 22 11:00:00.123: %PARSER-5-CFGLOG_LOGGEDCMD: User:a  logged\n")
    (found,) = read_events(path, problems=Problems())
    assert (found.logsource.product, found.logsource.service) == ("cisco", "aaa")


def test_what_suricata_sent_over_syslog_is_read_from_the_servers_file(tmp_path: Path) -> None:
    path = tmp_path / "ids.log"
    path.write_text(f"Nov 22 11:00:00 ids suricata[9]: {lines.EVE}\n")
    (found,) = read_events(path, problems=Problems())
    assert (found.logsource.product, found.logsource.service) == ("suricata", "alert")
    assert found.event["@timestamp"] == "2026-11-22T02:00:00.500000Z"
