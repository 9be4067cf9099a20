"""A seeded console and Debian's Chromium. `JIKIMI_CHROMIUM` names another browser."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from tests.api.seed import PASSWORD
from tests.browser.serve import Console, console


@pytest.fixture(scope="session")
def chromium() -> str:
    found = os.environ.get("JIKIMI_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.fail("no Chromium: install it (Debian: apt-get install chromium) or name one in JIKIMI_CHROMIUM")
    return found


@pytest.fixture(scope="session")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    opened = playwright.chromium.launch(executable_path=chromium, args=flags)
    yield opened
    opened.close()


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Console]:
    with console(tmp_path) as running:
        yield running


@pytest.fixture
def desk(browser: Browser) -> Iterator[BrowserContext]:
    """An analyst's browser; ends the test when a page broke its content policy or threw."""
    with_faults: list[str] = []
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="ko-KR", timezone_id="Asia/Seoul")
    context.add_init_script(
        "addEventListener('securitypolicyviolation', e => console.error('csp: ' + e.violatedDirective + e.blockedURI))"
    )
    context.on("weberror", lambda error: with_faults.append(str(error.error)))
    context.on("console", lambda said: with_faults.extend([said.text] * said.text.startswith("csp:")))
    yield context
    context.close()
    assert with_faults == []


@pytest.fixture
def queue(centre: Console, desk: BrowserContext) -> Page:
    """The queue as `analyst` sees it after signing in."""
    return sign_in(desk.new_page(), centre)


def sign_in(page: Page, centre: Console, login: str = "analyst") -> Page:
    page.goto(centre.address)
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_selector("[role=row][data-number]")
    return page
