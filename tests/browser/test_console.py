"""The console in a real browser."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

import api.console
from jikimi.domain.risk import RiskLevel
from tests.api.seed import Seed
from tests.browser.conftest import sign_in
from tests.browser.serve import Console

pytestmark = pytest.mark.browser

AXE = Path(api.console.__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
WORST = "회계PC-03: 보호 문서 214개가 USB로 복사됨 (02:13)"


def violations(page: Page) -> list[Any]:
    """What axe finds against WCAG 2.2 A and AA; run outside the page's own content policy."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found: list[Any] = page.evaluate(
        "tags => axe.run(document, {runOnly: tags}).then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html)]))",
        tags,
    )
    return found


async def fresh_incident(seed: Seed) -> str:
    return await seed.incident("t1", "새로 들어온 사건", "A new incident", RiskLevel.very_high)


def test_the_worst_incident_stands_first(queue: Page) -> None:
    expect(queue.locator("[role=row][data-number]").first).to_contain_text(WORST)


def test_a_new_incident_appears_without_reload(queue: Page, centre: Console) -> None:
    expect(queue.locator(".counter.level-4 .count")).to_have_text("1")
    centre.seed(fresh_incident)
    expect(queue.get_by_text("새로 들어온 사건")).to_be_visible()
    expect(queue.locator(".counter.level-4 .count")).to_have_text("2")


def test_under_a_pointer_the_list_stays_and_the_new_one_is_announced(queue: Page, centre: Console) -> None:
    first = queue.locator("[role=row][data-number]").first
    number = first.get_attribute("data-number")
    first.hover()
    centre.seed(fresh_incident)
    announced = queue.locator(".announce button")
    expect(announced).to_contain_text("새 사건 1건")
    assert queue.locator("[role=row][data-number]").first.get_attribute("data-number") == number
    announced.click()
    expect(queue.locator("[role=row][data-number]").first).to_contain_text("새로 들어온 사건")


def test_a_counter_is_a_filter_that_lives_in_the_address(queue: Page) -> None:
    queue.locator(".counter.level-1").click()
    expect(queue).to_have_url(re.compile(r"/\?risk=1$"))
    expect(queue.locator("[role=row][data-number]")).to_have_count(7)
    queue.reload()
    expect(queue.locator("[role=row][data-number]")).to_have_count(7)


def test_the_keyboard_alone_opens_and_acknowledges_the_worst(queue: Page) -> None:
    queue.keyboard.press("j")
    queue.keyboard.press("Enter")
    expect(queue.get_by_role("heading", level=1)).to_have_text(WORST)
    queue.keyboard.press("c")
    expect(queue.get_by_role("dialog")).to_contain_text("고객에게는 아무것도 보내지 않습니다")
    queue.get_by_role("dialog").get_by_role("button", name="접수").click()
    expect(queue.locator(".timeline")).to_contain_text("접수 김관제")
    expect(queue.locator("main header")).to_contain_text("접수됨")


def test_closing_says_beforehand_who_will_be_told(queue: Page) -> None:
    queue.get_by_role("link", name=WORST).click()
    queue.get_by_role("button", name="종결").click()
    dialog = queue.get_by_role("dialog")
    expect(dialog).to_contain_text("010-****-5678")
    dialog.get_by_label("고객에게 끝났다고 알립니다").uncheck()
    expect(dialog).not_to_contain_text("010-****-5678")
    dialog.get_by_label("오탐").check()
    dialog.get_by_role("button", name="종결").click()
    expect(queue.locator("main header")).to_contain_text("종결 · 오탐")


def test_who_was_overtaken_reads_by_whom(queue: Page, centre: Console, browser: Browser) -> None:
    queue.get_by_role("link", name=WORST).click()
    queue.get_by_role("button", name="내가 맡기").click()
    expect(queue.get_by_role("dialog")).to_be_visible()
    other = browser.new_context(locale="ko-KR")
    theirs = sign_in(other.new_page(), centre, "second")
    theirs.get_by_role("link", name=WORST).click()
    theirs.get_by_role("button", name="접수").click()
    theirs.get_by_role("dialog").get_by_role("button", name="접수").click()
    expect(theirs.locator("main header")).to_contain_text("접수됨")
    other.close()
    queue.get_by_role("dialog").get_by_role("button", name="내가 맡기").click()
    expect(queue.get_by_role("dialog").get_by_role("alert")).to_contain_text("이분석 님이 접수했습니다")


def test_evidence_is_read_field_by_field_with_the_raw_text_one_click_away(queue: Page) -> None:
    queue.get_by_role("link", name=WORST).click()
    queue.locator(".evidence summary").first.click()
    expect(queue.get_by_role("row", name="SerialNumber")).to_contain_text("4C530001230523117261")
    queue.get_by_role("button", name="원본 JSON").click()
    expect(queue.locator(".evidence pre")).to_contain_text('"SerialNumber": "4C530001230523117261"')


def test_a_lost_connection_is_said_with_seconds(queue: Page, centre: Console, desk: BrowserContext) -> None:
    expect(queue.locator(".health")).to_contain_text("실시간")
    centre.stop()
    expect(queue.locator(".health")).to_contain_text("연결 끊김", timeout=10_000)
    expect(queue.get_by_role("alert")).to_have_text("실시간 연결이 끊겼습니다.")
    expect(queue.locator(".queue .old")).to_contain_text("새 사건은 보이지 않습니다")


def test_signing_out_ends_the_other_tabs_too(queue: Page, centre: Console, desk: BrowserContext) -> None:
    other = desk.new_page()
    other.goto(centre.address)
    other.get_by_role("button", name="로그아웃").click()
    expect(queue).to_have_url(re.compile("/sign-in"), timeout=15_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_page_is_accessible(queue: Page, centre: Console, scheme: str, language: str) -> None:
    queue.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    if language == "en":
        queue.get_by_role("button", name="English").click()
        expect(queue.get_by_role("button", name="한국어")).to_be_visible()
    found = {"queue": violations(queue)}
    queue.keyboard.press("?")
    found["keys"] = violations(queue)
    for name, path, shown in (
        ("incident", "/incidents/1001", ".timeline li"),
        ("messages", "/messages", ".list li"),
        ("answer", f"/k/{centre.link}", "h1"),
    ):
        queue.goto(centre.address + path)
        queue.wait_for_selector(shown)
        found[name] = violations(queue)
    assert found == {name: [] for name in found}


def test_hundreds_of_rows_keep_few_in_the_page(queue: Page, centre: Console) -> None:
    async def many(seed: Seed) -> None:
        for number in range(300):
            await seed.incident("t1", f"많은 사건 {number}", f"Many {number}", RiskLevel.low)

    centre.seed(many)
    queue.mouse.move(0, 0)
    expect(queue.locator(".counter.level-1 .count")).to_have_text("307")
    assert queue.locator("[role=row][data-number]").count() < 60


def test_the_client_answers_on_a_phone_and_the_analyst_sees_it(queue: Page, centre: Console, browser: Browser) -> None:
    phone = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page = phone.new_page()
    page.goto(f"{centre.address}/k/{centre.link}")
    page.get_by_role("button", name="It was not, please help").click()
    expect(page.get_by_role("status")).to_contain_text("Thank you")
    phone.close()
    expect(queue.get_by_text("고객: 도와주세요")).to_be_visible()


def test_what_repeats_is_folded_and_opens(queue: Page, centre: Console) -> None:
    async def loud(seed: Seed) -> None:
        await seed.findings("i1001", 38)

    centre.seed(loud)
    queue.goto(f"{centre.address}/incidents/1001")
    expect(queue.locator(".entry.finding")).to_have_count(2)
    queue.get_by_text("그 외 37건").click()
    expect(queue.locator(".more li")).to_have_count(37)


def test_a_kind_that_is_switched_off_says_so(queue: Page) -> None:
    queue.get_by_role("link", name=WORST).click()
    kind = queue.get_by_role("button", name=re.compile("^이벤트"))
    expect(kind.locator(".tick svg")).to_have_count(1)
    kind.click()
    expect(kind).to_have_attribute("aria-pressed", "false")
    expect(kind.locator(".tick svg")).to_have_count(0)
    expect(queue.locator(".entry.event")).to_have_count(0)


def test_the_side_panel_says_why_without_leaving_the_queue(queue: Page) -> None:
    queue.keyboard.press("j")
    queue.keyboard.press("Space")
    panel = queue.get_by_role("complementary", name="미리보기")
    expect(panel).to_contain_text("규칙 등급 높음")
    expect(panel).to_contain_text("회계PC-03")


def test_words_typed_before_the_session_ended_are_kept(queue: Page, desk: BrowserContext) -> None:
    queue.get_by_role("link", name=WORST).click()
    expect(queue.get_by_role("heading", level=1)).to_have_text(WORST)
    queue.keyboard.press("m")
    dialog = queue.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("고객과 통화함")
    desk.clear_cookies()
    dialog.get_by_role("button", name="메모").click()
    expect(dialog.get_by_role("alert")).to_contain_text("로그인이 끝났습니다")
    expect(dialog.get_by_role("textbox")).to_have_value("고객과 통화함")
    expect(dialog.get_by_role("link", name="다시 로그인")).to_be_visible()


def test_a_defaced_site_is_shown_before_and_after_and_may_be_said_to_be_rebuilt(queue: Page, centre: Console) -> None:
    async def write(seed: Seed) -> str:
        _, site = await seed.defacement("t1", "https://www.example.com/")
        return site.id

    folder = centre.folder / "websites" / centre.seed(write)
    folder.mkdir(parents=True)
    picture = queue.screenshot()
    for name in ("own.png", "changed-20261122T021000Z.png"):
        (folder / name).write_bytes(picture)
    queue.get_by_text("홈페이지 화면이 바뀜").first.click()
    faces = queue.locator(".faces img")
    expect(faces).to_have_count(2)
    for number in range(2):
        expect(faces.nth(number)).not_to_have_js_property("naturalWidth", 0)
    assert violations(queue) == []
    queue.get_by_role("button", name="배포 중…").click()
    queue.locator("dialog select").select_option("120")
    queue.locator("dialog").get_by_role("button", name="배포 중").click()
    expect(queue.locator(".site .flag")).to_contain_text("까지 배포 중")
    expect(queue.get_by_text("120분 동안 교체 중")).to_be_visible()
