"""What a look at a site tells."""

from datetime import UTC, datetime, timedelta

import pytest

from collectors.websites.compare import EXPIRES_SOON, compare
from collectors.websites.memory import LOOKS_TO_LEARN, Look, SiteMemory
from collectors.websites.page import read_page
from tests.collectors.websites.site import TEXT, html

URL = "https://www.example.com/"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def look(page: bytes | None = None, **more: object) -> Look:
    return Look(NOW, URL, 200 if page else 0, page=read_page(page, URL) if page else None, **more)  # type: ignore[arg-type]


def learned() -> SiteMemory:
    """The site's own face, its news changing meanwhile."""
    memory = SiteMemory()
    for n in range(LOOKS_TO_LEARN):
        assert checks(memory, html(news=(f"소식 {n}",))) == {("up", "ok")}
    assert not memory.learning
    return memory


def checks(memory: SiteMemory, page: bytes | None, **more: object) -> set[tuple[str, str]]:
    return {(told["Check"], told["Status"]) for told in compare(memory, look(page, **more))}


def test_a_site_as_it_was_tells_that_it_was_seen() -> None:
    assert checks(learned(), html(news=("소식 9", "소식 10"))) == {("up", "ok")}


def test_a_region_that_changed_while_the_site_was_learned_may_go_on_changing() -> None:
    memory = learned()
    for n in range(20):
        news = tuple(f"{n} {i}번째 아주 다른 소식이 올라왔습니다" for i in range(n))
        assert checks(memory, html(news=news)) == {("up", "ok")}


@pytest.mark.parametrize(
    ("page", "check"),
    [
        (html(title="Hacked"), "title"),
        (html(title=""), "title"),
        (html(more='<script src="https://evil.example.net/m.js"></script>'), "scripts"),
        (html(more='<iframe src="https://evil.example.net/"></iframe>'), "links"),
        (html(more='<form action="https://evil.example.net/"></form>'), "links"),
        (html(more="".join(f'<a href="https://casino{n}.example.net/">x</a>' for n in range(5))), "links"),
        (html(text="우리는 이 사이트를 가져갔습니다. " * 12), "content"),
        (html(more="<p>hacked by nobody</p>"), "content"),
        (
            b"<html><head><title>" + "대성테크".encode() + b"</title></head><body><center><table><tr><td>.</table>",
            "shape",
        ),
    ],
)
def test_a_defaced_page_is_told_by_what_changed(page: bytes, check: str) -> None:
    assert (check, "changed") in checks(learned(), page)


@pytest.mark.parametrize(
    "page",
    [
        html(more='<a href="https://customer.example.net/">고객사</a>'),
        html(text="대성테크는 정밀 금형과 사출 부품을 설계하고 만드는 기업입니다." + TEXT[TEXT.index("1998") - 1 :]),
    ],
)
def test_an_editors_small_change_is_no_defacement(page: bytes) -> None:
    assert checks(learned(), page) == {("up", "ok")}


def test_a_change_is_told_once_and_its_end_once() -> None:
    memory = learned()
    assert ("title", "changed") in checks(memory, html(title="x"))
    assert checks(memory, html(title="x")) == {("up", "ok")}
    assert checks(memory, html()) == {("up", "ok"), ("title", "ok")}
    assert checks(memory, html()) == {("up", "ok")}


def test_one_missed_answer_is_no_outage_two_are() -> None:
    memory = learned()
    assert checks(memory, None, error="no answer") == set()
    assert checks(memory, None, error="no answer") == {("up", "down")}
    assert checks(memory, None, error="no answer") == set()
    assert checks(memory, html()) == {("up", "ok")}


def test_nothing_is_compared_while_the_company_deploys_and_the_new_site_is_learned_afterwards() -> None:
    memory = learned()
    new = html(title="새 대성테크", text="완전히 새로 만든 홈페이지입니다. " * 10)
    told = compare(memory, look(new), deploying=True)
    assert [one["Check"] for one in told] == ["up"]
    for _ in range(LOOKS_TO_LEARN):
        assert checks(memory, new) == {("up", "ok")}
    assert ("title", "changed") in checks(memory, html())


def test_a_certificate_tells_its_end_its_faults_and_another_issuer() -> None:
    memory = learned()
    good = {"issuer": "Example CA", "expires_at": NOW + timedelta(days=90)}
    soon = {"issuer": "Example CA", "expires_at": NOW + EXPIRES_SOON - timedelta(hours=1)}
    assert checks(memory, html(), **good) == {("up", "ok")}
    assert checks(memory, html(), **soon) == {("up", "ok"), ("certificate", "expiring")}
    assert checks(memory, html(), **soon) == {("up", "ok")}
    assert checks(memory, html(), **good) == {("up", "ok"), ("certificate", "ok")}
    assert checks(memory, html(), certificate_error="expired") == {("up", "ok"), ("certificate", "down")}
    other = good | {"issuer": "Other CA"}
    assert checks(memory, html(), **other) == {("up", "ok"), ("certificate", "changed")}


def test_a_page_that_looks_otherwise_is_told_by_its_picture() -> None:
    memory = SiteMemory()
    for _ in range(LOOKS_TO_LEARN):
        checks(memory, html(), picture="ffffffff00000000")
    assert checks(memory, html(), picture="fffffffe00000001") == {("up", "ok")}
    assert checks(memory, html(), picture="00000000ffffffff") == {("up", "ok"), ("picture", "changed")}
