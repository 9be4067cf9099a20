"""What happens to companies (mission of the centre), played for real, must end as incidents."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collectors.malware.test_scanner import EICAR
from tests.lab.lab import do, mounted, stick
from tests.lab.town import ATTACKER, CENTRE, COMPANY, MISSING, Town, town

STICK = Path(__file__).parents[1] / "collectors" / "sources" / "stick.umockdev"


pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("town").resolve()) as made:
        # Looked at from now on: it is learned while the other stories are played.
        site = (f"http://{COMPANY}/", "--interval", "10", "--data", made.data)
        made.jikimi(CENTRE, "admin", "website", "add", *site)
        yield made


def test_a_port_scan_is_told(company: Town) -> None:
    company.run(ATTACKER, "nmap", "-n", "-Pn", "-sT", "-p1-120", "--max-retries", "0", COMPANY)
    company.until_found("포트")


def test_thirty_scans_by_one_address_are_one_incident_and_end_when_it_is_shut_out(company: Town) -> None:
    """A company was scanned more than 30 times in a month, until the centre answered."""
    scan = ("nmap", "-n", "-Pn", "-sS", "-p1-40", "--max-retries", "0", COMPANY)
    for _ in range(30):
        company.run(ATTACKER, *scan)
    company.until(lambda: len(company.stored(SourceIp=ATTACKER, DestinationPort="39")) >= 30)
    company.until_found("포트")
    assert len([incident for incident in company.incidents() if "포트" in incident.title]) == 1
    company.run(COMPANY, "ip", "route", "add", "blackhole", f"{ATTACKER}/32")
    company.run(ATTACKER, *scan)
    company.until(lambda: company.stored(SourceIp=ATTACKER, ConnectionState="no_answer"))
    company.run(COMPANY, "ip", "route", "delete", "blackhole", f"{ATTACKER}/32")


def test_a_web_server_that_is_searched_for_weaknesses_is_told(company: Town) -> None:
    urls = [f"http://{COMPANY}/{page}.php" for page in range(60)]
    company.run(ATTACKER, "curl", "-s", "-o", "/dev/null", "--parallel", *urls)
    company.until_found("홈페이지 취약점 스캔")


def test_a_computer_that_tries_its_whole_network_as_a_worm_does_is_told(company: Town) -> None:
    loop = 'for n in $(seq 100 140); do (timeout 2 bash -c "</dev/tcp/192.0.2.$n/445" 2>/dev/null &) ; done; sleep 3'
    company.run(COMPANY, "bash", "-c", loop)
    company.until_found("악성코드 확산 의심")


@pytest.mark.skipif(shutil.which("iperf3") is None, reason="needs iperf3")
def test_gigabytes_that_leave_over_the_line_are_told_with_how_many_and_by_which_program(company: Town) -> None:
    """A researcher sends the drawings to a rival."""
    rival = company.start(ATTACKER, "iperf3", "--server", "--one-off")
    company.until(lambda: ":5201" in company.run(ATTACKER, "ss", "-ltn"))
    before = company.sent(COMPANY)
    company.run(COMPANY, "iperf3", "--client", ATTACKER, "--bytes", "1200M")
    sent = company.sent(COMPANY) - before
    company.until_found(f"외부 주소({ATTACKER})로 1GB 넘게 전송됨")
    rival.wait(30)
    flow = max(company.stored(DestinationIp=ATTACKER, DestinationPort="5201"), key=lambda flow: int(flow["BytesOut"]))
    assert sent * 0.99 < flow["BytesOut"] < sent  # of all that left the interface: Ethernet's headers, our own uplink
    assert flow["Image"].endswith("/iperf3")


def test_drawings_carried_out_on_a_stick_are_told_with_their_evidence(company: Town, tmp_path: Path) -> None:
    with stick(tmp_path / "stick.img", label="USB") as device:
        do("bash", "-c", f"cat {company.documents}/*.dwg > /dev/null")
        company.until_found("보호 문서 60개를 짧은 시간에 읽음")
        with mounted(device, tmp_path / "usb") as point:
            do("bash", "-c", f"sleep 3; cp {company.documents}/*.dwg {point}/; sync")
            company.until_found("USB로 파일")
            company.until_found("내용이 보호 문서와 한 글자도 다르지 않음")
    company.until(lambda: any(incident.risk == 4 and "USB" in incident.title for incident in company.incidents()))


def test_a_malicious_file_on_a_stick_is_told(company: Town, tmp_path: Path) -> None:
    with stick(tmp_path / "stick.img", label="GIFT") as device, mounted(device, tmp_path / "usb") as point:
        do("bash", "-c", f"printf '%s' '{EICAR.decode()}' > {point}/gift.com; sync")
        company.until_found("악성코드 발견 (EICAR_test_file)")


def test_what_happens_while_the_agent_is_dead_and_the_line_is_cut_arrives_later(company: Town) -> None:
    company.kill_agent()
    (company.documents / "밤에 바뀐 도면.dwg").write_bytes(os.urandom(1000))
    company.cut(COMPANY)
    company.start_agent()
    do("bash", "-c", f"cd {company.documents}; for n in $(seq 10 59); do mv 도면-$n.dwg 옮긴-$n.dwg; done")
    do("bash", "-c", f"cd {company.documents}; for n in $(seq 10 59); do cat 옮긴-$n.dwg | wc -c > 크기-$n.txt; done")
    company.mend(COMPANY)
    company.until(lambda: len(company.stored(Action="create", TargetFilename="크기-")) == 50)
    assert len(company.stored(Action="rename", SourceFilename="도면-")) == 50
    assert company.stored(Action="modify", TargetFilename="밤에 바뀐 도면.dwg")
    assert company.stored(Kind="blind", Collector="files")


@pytest.mark.skipif(shutil.which("umockdev-run") is None, reason="needs umockdev")
def test_whose_stick_it_is_reaches_the_centre(company: Town) -> None:
    """A stick as the kernel shows a real one: loop devices have no vendor and no serial number."""
    company.stop_agent()
    company.start_agent("umockdev-run", "--device", STICK, "--")
    company.until(lambda: company.stored(Action="connect", Serial="4C530001230512", Product="Flash 64G"))
    company.stop_agent()
    company.start_agent()


def test_a_defaced_site_is_told(company: Town) -> None:
    looks = ("admin", "website", "list", "--data", company.data)
    company.until(lambda: "as learned" in company.jikimi(CENTRE, *looks), within=120)
    company.deface("<title>Hacked</title><h1>hacked by nobody</h1>")
    company.until_found("홈페이지 화면이 바뀜")
