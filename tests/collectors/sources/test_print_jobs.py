"""Print jobs, from CUPS's control files."""

from pathlib import Path

from collectors.sources.print_jobs import PrintJobs
from tests.collectors.logs.test_ipp import RECORDED


def job(spool: Path, number: int) -> None:
    content = RECORDED.replace(b"job-id\0\4\0\0\0\1", b"job-id\0\4\0\0\0" + bytes([number]))
    (spool / f"c{number:05d}").write_bytes(content.replace(b"(1).txt", f"({number}).txt".encode()))


def test_each_job_is_told_once_with_its_documents_name(tmp_path: Path) -> None:
    job(tmp_path, 1)
    (tmp_path / "d00002-001").write_bytes(b"a document itself")
    jobs = PrintJobs(None, tmp_path)
    assert jobs.fresh() == []
    job(tmp_path, 2)
    job(tmp_path, 3)
    told = jobs.fresh()
    assert [event["Document"] for event in told] == ["금형 설계도 최종(2).txt", "금형 설계도 최종(3).txt"]
    assert told[0] == {
        "Printer": "filep",
        "User": "root",
        "JobId": 2,
        "Document": "금형 설계도 최종(2).txt",
        "SourceHostname": "localhost",
        "SizeBytes": 1024,
        "@timestamp": "2026-12-01T03:43:02.000000Z",
    }
    assert jobs.fresh() == []


def test_telling_goes_on_after_the_job_told_last(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        job(tmp_path, number)
    assert [event["JobId"] for event in PrintJobs(1, tmp_path).fresh()] == [2, 3]


def test_a_damaged_file_costs_its_own_job_only(tmp_path: Path) -> None:
    (tmp_path / "c00001").write_bytes(RECORDED[:40])
    job(tmp_path, 2)
    assert [event["JobId"] for event in PrintJobs(0, tmp_path).fresh()] == [2]


def test_numbers_that_begin_anew_are_followed(tmp_path: Path) -> None:
    job(tmp_path, 1)
    jobs = PrintJobs(700, tmp_path)
    jobs.fresh()
    job(tmp_path, 2)
    assert [event["JobId"] for event in jobs.fresh()] == [2]


def test_without_the_right_to_look_there_is_nothing_to_tell(tmp_path: Path) -> None:
    assert PrintJobs(None, tmp_path / "nothing").fresh() == []
