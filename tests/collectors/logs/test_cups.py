"""CUPS's logs, lines as CUPS 2.4 wrote them."""

import pytest

from collectors.logs.cups import CupsRequests, PageLog
from jikimi.domain.logsource import PRINT_JOB, LogSource
from tests.collectors.logs.reading import read

AT = "[22/Nov/2026:10:00:00 +0000]"


@pytest.mark.parametrize(
    ("line", "user", "document"),
    [
        (f"HP_Laser root 1 {AT} total 0 - localhost 설계도 v3.txt - -", "root", "설계도 v3.txt"),
        (f'HP_Laser kim lee 2 {AT} total 0 - localhost a "b" [c] - -', "kim lee", 'a "b" [c]'),
        (f"HP_Laser root 3 {AT} 1 2 - localhost (stdin) A4 one-sided", "root", "(stdin)"),
    ],
)
def test_a_printed_page_has_its_user_and_document_whatever_their_names(line: str, user: str, document: str) -> None:
    ((source, event),) = read(PageLog, [line])
    assert (source, event["User"], event["Document"]) == (PRINT_JOB, user, document)


def test_a_document_sent_to_a_printer_is_a_print_job() -> None:
    line = f'192.0.2.33 - kim {AT} "POST /printers/HP_Laser HTTP/1.1" 200 92345 Send-Document successful-ok'
    assert read(CupsRequests, [line]) == [
        (
            PRINT_JOB,
            {
                "@timestamp": "2026-11-22T10:00:00.000000Z",
                "Printer": "HP_Laser",
                "User": "kim",
                "SourceHostname": "192.0.2.33",
                "Operation": "Send-Document",
                "SizeBytes": 92345,
            },
        )
    ]


@pytest.mark.parametrize(
    "line",
    [
        f'localhost - - {AT} "POST /admin/ HTTP/1.1" 200 255 CUPS-Add-Modify-Printer successful-ok',
        f'localhost - kim {AT} "POST /printers/HP_Laser HTTP/1.1" 200 369 Create-Job successful-ok',
        f'localhost - kim {AT} "POST /printers/HP_Laser HTTP/1.1" 401 369 Print-Job -',
    ],
)
def test_other_requests_are_a_web_servers(line: str) -> None:
    ((source, _),) = read(CupsRequests, [line])
    assert source == LogSource(category="webserver")
