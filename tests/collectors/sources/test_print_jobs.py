"""Names of printed documents, from CUPS's control files."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.sources.print_jobs import PrintJobs
from jikimi.domain.event import Event, format_time
from tests.collectors.logs.test_ipp import CREATED, RECORDED


def sent(seconds: float = 0, printer: str = "filep") -> Event:
    at = datetime.fromtimestamp(CREATED + seconds, UTC)
    return {"@timestamp": format_time(at), "Printer": printer, "Operation": "Send-Document", "SizeBytes": 283}


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Two jobs of the same second."""
    (tmp_path / "c00001").write_bytes(RECORDED)
    second = RECORDED.replace(b"job-id\0\4\0\0\0\1", b"job-id\0\4\0\0\0\2").replace(b"(1).txt", b"(2).txt")
    (tmp_path / "c00002").write_bytes(second)
    (tmp_path / "c00003").write_bytes(b"damaged")
    (tmp_path / "d00001-001").write_bytes(b"the document itself")
    return tmp_path


def test_each_document_that_was_sent_gets_the_name_of_its_job(spool: Path) -> None:
    jobs = PrintJobs(spool)
    told = [jobs.named(sent()) for _ in range(3)]
    assert [event.get("Document") for event in told] == ["금형 설계도 최종(1).txt", "금형 설계도 최종(2).txt", None]
    assert [event.get("JobId") for event in told] == [1, 2, None]
    assert told[0]["User"] == "root"


@pytest.mark.parametrize("event", [sent(printer="other"), sent(3600), sent(-3600), {"Printer": "filep", "JobId": 7}])
def test_a_job_of_another_printer_or_hour_is_not_taken_for_it(spool: Path, event: Event) -> None:
    assert PrintJobs(spool).named(event) == event


def test_without_the_right_to_read_it_the_event_stays_as_it_is(tmp_path: Path) -> None:
    assert PrintJobs(tmp_path / "nothing").named(sent()) == sent()
