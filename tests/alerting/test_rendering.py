"""The words of mails."""

import dataclasses
import html
import re
from datetime import UTC, datetime, timedelta

import pytest

from alerting.rendering import Subject, render_mail, with_others
from alerting.settings import AlertSettings
from jikimi.domain import advice
from jikimi.domain.local_time import local_time
from jikimi.domain.risk import RiskLevel
from tests.alerting.conftest import NOW

SETTINGS = AlertSettings(public_url="https://jk.example", centre_phone="02-000-0000")
TOKEN = "x" * 22
SUBJECT = Subject(
    kind="opened",
    risk=RiskLevel.high,
    title_ko="회계PC-03: 보호 문서 214개가 USB로 복사됨 (02:13)",
    title_en="Accounting-PC-03: 214 protected files copied to USB (02:13)",
    number=1024,
    company="한빛정밀",
    zone="Asia/Seoul",
    first_time=NOW,
    last_time=NOW + timedelta(minutes=4),
    event_count=1830,
    devices=["회계PC-03"],
    users=["kim"],
    rules={"r": {"title": "Copy <to> media", "level": "high", "tags": ["attack.exfiltration"], "count": 3}},
    score_terms=[{"points": 40, "ko": "보호 문서가 옮겨짐", "en": "protected files moved"}],
    categories=["file_access"],
    verdict="",
)
ORDER_KO = ["무슨 일인가", "얼마나 위험한가", "지금 하실 일", "센터가 하고 있는 일", "알려 주십시오", "자세한 내용"]
ORDER_EN = ["What happened", "How bad it is", "What to do now", "What the centre is doing", "Please answer", "Details"]


def words_of(markup: str) -> list[str]:
    body = markup.partition("<body")[2].partition(">")[2]
    shown = html.unescape(re.sub(r"<[^>]*>", " ", body)).split()
    return [*shown, *re.findall(r'href="([^"]*)"', body)]


@pytest.mark.parametrize(("language", "order"), [("ko", ORDER_KO), ("en", ORDER_EN)])
def test_a_mail_has_its_parts_in_order(language: str, order: list[str]) -> None:
    """What happened, how bad, what to do, what we do, answer, details: in both bodies."""
    mail = render_mail(SUBJECT, contact="김담당", token=TOKEN, language=language, settings=SETTINGS)
    for body, mark in ((mail.body, "■ "), (mail.html, ">")):
        places = [body.index(mark + part) for part in order]
        assert places == sorted(places)
        assert f"https://jk.example/k/{TOKEN}" in body
        assert "02-000-0000" in body


@pytest.mark.parametrize("kind", ["opened", "raised", "closed"])
@pytest.mark.parametrize("language", ["ko", "en"])
def test_plain_text_says_what_html_says(kind: str, language: str) -> None:
    """Every word of the plain text stands in the HTML, but for list marks and the signature's dashes."""
    subject = dataclasses.replace(SUBJECT, kind=kind, verdict="benign")
    mail = render_mail(subject, contact="김담당", token=TOKEN, language=language, settings=SETTINGS)
    marks = {"■", "-", "--", "1.", "2.", "3."}
    assert set(mail.body.split()) - marks <= set(words_of(mail.html)) - marks


def test_the_subject_alone_tells_the_story() -> None:
    """Level and sentence."""
    mail = render_mail(SUBJECT, contact="김담당", token=TOKEN, language="ko", settings=SETTINGS)
    assert mail.subject == "[지킴이 높음] 회계PC-03: 보호 문서 214개가 USB로 복사됨 (02:13)"


def test_a_raised_risk_and_an_end_say_so() -> None:
    """Three kinds, three openings."""
    raised = render_mail(
        dataclasses.replace(SUBJECT, kind="raised"), contact="김", token=TOKEN, language="ko", settings=SETTINGS
    )
    assert "위험도가 높음 단계로 올라갔습니다" in raised.body
    closed = render_mail(
        dataclasses.replace(SUBJECT, kind="closed", verdict="true_positive"),
        contact="김",
        token=TOKEN,
        language="ko",
        settings=SETTINGS,
    )
    assert "실제 사고로 확인되어 조치하였습니다." in closed.body
    assert "예방대책" in closed.body
    assert "지금 하실 일" not in closed.body


def test_what_comes_from_events_is_escaped_in_html() -> None:
    """A file name is no markup."""
    subject = dataclasses.replace(SUBJECT, title_ko="<img src=x> 열림")
    mail = render_mail(subject, contact="<b>김</b>", token=TOKEN, language="ko", settings=SETTINGS)
    assert "<img" not in mail.html
    assert "<b>김" not in mail.html
    assert "<img src=x>" in mail.body


def test_a_line_break_in_a_title_breaks_no_header() -> None:
    """Titles carry values from events."""
    subject = dataclasses.replace(SUBJECT, title_ko="가\r\nBcc: evil@example.com")
    mail = render_mail(subject, contact="김", token=TOKEN, language="ko", settings=SETTINGS)
    assert "\n" not in mail.subject
    assert "\r" not in mail.subject


def test_a_bundle_tells_how_many_wait_in_the_list() -> None:
    """In both bodies, before the signature."""
    mail = render_mail(SUBJECT, contact="김", token=TOKEN, language="ko", settings=SETTINGS)
    bundled = with_others(mail, 37, "ko")
    line = "그 외 37건은 목록에서 보실 수 있습니다."
    assert bundled.body.index(line) < bundled.body.index("\n-- \n")
    assert line in bundled.html


def test_times_are_the_companys() -> None:
    """UTC in, the company's clock and calendar out."""
    moment = datetime(2026, 11, 21, 17, 13, tzinfo=UTC)
    assert local_time(moment, "Asia/Seoul", "ko") == "11월 22일(일) 02:13"
    assert local_time(moment, "Asia/Seoul", "en") == "Sun 22 Nov 02:13"
    assert local_time(moment, "Europe/Berlin", "ko") == "11월 21일(토) 18:13"


class TestAdvice:
    def test_the_rules_own_advice_comes_first(self) -> None:
        """At most three steps, the most frequent rule's first, none twice."""
        rules = {
            "a": {"count": 1, "advice_ko": ["넷", "하나"]},
            "b": {"count": 5, "advice_ko": ["하나", "둘", "셋"]},
        }
        assert advice.steps(rules, [], language="ko") == ["하나", "둘", "셋"]

    def test_without_it_the_tactic_decides_then_the_log_source(self) -> None:
        """And there is always something that a layman can do."""
        tagged = {"a": {"count": 1, "tags": ["attack.t1052", "attack.exfiltration"]}}
        assert advice.theme(tagged, ["webserver"]) == "leak"
        assert advice.theme({"a": {"count": 1}}, ["", "webserver"]) == "scan"
        assert advice.theme({}, []) == "any"

    @pytest.mark.parametrize("language", ["ko", "en"])
    @pytest.mark.parametrize(
        "category", ["file_access", "web_integrity", "agent_health", "process_creation", "", "dns"]
    )
    def test_there_are_one_to_three_steps_and_one_prevention(self, language: str, category: str) -> None:
        """Law over the tables."""
        assert 1 <= len(advice.steps({}, [category], language=language)) <= 3
        assert advice.prevention({}, [category], language=language)


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_mail_has_a_button_for_each_answer(language: str) -> None:
    """Ours, help, call: each opens the page with that answer ready."""
    mail = render_mail(SUBJECT, contact="김담당", token=TOKEN, language=language, settings=SETTINGS)
    for answer in ("ours", "help", "call"):
        assert f'href="https://jk.example/k/{TOKEN}?answer={answer}"' in mail.html
        assert f"https://jk.example/k/{TOKEN}?answer={answer}\n" in mail.body


def test_a_time_of_another_year_names_its_year() -> None:
    """A replayed record of 2019 does not read like last week's."""
    then = datetime(2019, 11, 15, 8, 19, tzinfo=UTC)
    assert local_time(then, "Asia/Seoul", "ko", now=NOW) == "2019년 11월 15일(금) 17:19"
    assert local_time(then, "Asia/Seoul", "en", now=NOW) == "Fri 15 Nov 2019 17:19"
    assert local_time(NOW, "Asia/Seoul", "ko", now=NOW) == local_time(NOW, "Asia/Seoul", "ko")
