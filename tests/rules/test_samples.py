"""Our own recorded and written telemetry yields what samples/README.md says, through reader, rules and correlations."""

from datetime import timedelta
from pathlib import Path

import pytest

from collectors.files import Problems, read_events
from detectors.detection import Detection, Taken
from detectors.sigma.load import load_rules
from jikimi.domain.event import Envelope, EventBatch, block_of, canonical, event_time
from jikimi.domain.finding import Finding
from jikimi.domain.tenant import Tenant

ROOT = Path(__file__).parents[2]
TENANT = Tenant("tenant-1", "대성테크")


def found_in(name: str) -> list[Finding]:
    """Findings after the whole file, each with its last counts."""
    detection = Detection(load_rules([ROOT / "rules"])[0])
    problems = Problems()
    found: dict[str, Finding] = {}
    for seq, one in enumerate(read_events(ROOT / "samples" / name, problems=problems)):
        received = event_time(one.event) + timedelta(seconds=1)
        envelope = Envelope("a", "e", seq, 1, one.logsource, received, TENANT.id, "device", received_at=received)
        batch = EventBatch(envelope, block_of([canonical(one.event)]))
        found |= {finding.id: finding for finding in detection.detect([Taken(batch, 0, TENANT, "replay")])}
    return list(found.values())


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        (
            "stories/insider_leak.ndjson",
            {
                "설계PC-07: 근무 시간 외에 USB 저장장치 연결됨",
                "설계PC-07: 보호 문서 214개를 짧은 시간에 읽음",
                "설계PC-07: USB로 파일 214개 복사됨",
                "설계PC-07: 보호 문서를 모아 읽은 뒤 USB에 대량 복사함",
                "설계PC-07: 근무 시간 외에 USB로 파일 214개 복사됨",
            },
        ),
        (
            "stories/windows_intrusion.ndjson",
            {
                "영업PC-02: 비밀번호를 알아내려는 로그인 실패 34회 (203.0.113.50)",
                "영업PC-02: 내용을 감춘 명령이 실행됨",
                "영업PC-02: 비밀번호 저장 영역을 읽은 프로그램 발견",
                "FILESRV-1: 의심스러운 서비스가 설치됨",
                "FILESRV-1: 보안 기록이 지워짐",
                "FILESRV-1: 이상 징후가 발견된 뒤 기록이 지워짐",
                "영업PC-02: 로그인 실패가 이어진 뒤 성공함, 비밀번호 노출 의심 (203.0.113.50)",
            },
        ),
        ("recorded/port_scan.ndjson", {"192.0.2.10: 열린 문을 찾아 포트 99개 스캔 (203.0.113.9)"}),
        (
            "recorded/web_scan.ndjson",
            {
                "홈페이지에 취약점 검사 도구로 394회 접속함 (203.0.113.9)",
                "홈페이지 취약점 스캔 394회 (203.0.113.9)",
            },
        ),
    ],
)
def test_a_sample_yields_exactly_its_findings(name: str, titles: set[str]) -> None:
    assert {finding.title_ko for finding in found_in(name)} == titles
