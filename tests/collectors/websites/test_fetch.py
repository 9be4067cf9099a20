"""One look at a real server."""

import ssl
from pathlib import Path

import pytest

from alerting.sandbox.certificate import make_certificate
from collectors.websites import fetch
from collectors.websites.fetch import SiteFetcher
from tests.collectors.websites.server import served
from tests.collectors.websites.site import html


async def test_a_page_comes_with_its_status_and_time() -> None:
    with served(html()) as site:
        look = await SiteFetcher(private=True).look(site.url)
    assert (look.status, look.error) == (200, "")
    assert look.page is not None
    assert look.page.title == "대성테크"


async def test_a_trusted_certificate_tells_issuer_and_end(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    trust = ssl.create_default_context(cafile=str(certificate[0]))
    with served(html(), certificate) as site:
        look = await SiteFetcher(private=True, trust=trust).look(site.url)
    assert (look.issuer, look.certificate_error) == ("Jikimi sandbox", "")
    assert look.expires_at is not None


async def test_a_certificate_nobody_vouches_for_is_told_and_the_page_still_compared(tmp_path: Path) -> None:
    with served(html(), make_certificate(tmp_path)) as site:
        look = await SiteFetcher(private=True).look(site.url)
    assert "self-signed" in look.certificate_error
    assert look.page is not None


@pytest.mark.parametrize("status", [404, 500, 503])
async def test_an_error_page_is_no_page(status: int) -> None:
    with served(html()) as site:
        site.status = status
        look = await SiteFetcher(private=True).look(site.url)
    assert look.page is None
    assert str(status) in look.error


async def test_a_server_that_is_away_is_told_in_a_sentence() -> None:
    with served(html()) as site:
        pass
    look = await SiteFetcher(private=True).look(site.url)
    assert look.error.startswith("no connection")


async def test_redirects_end_somewhere() -> None:
    with served(b"") as site:
        site.status, site.headers = 302, {"Location": "/again"}
        look = await SiteFetcher(private=True).look(site.url)
    assert look.error == f"more than {fetch.REDIRECTS} redirects"


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://[::1]/", "http://169.254.169.254/", "http://localhost/"])
async def test_a_centre_is_not_made_to_ask_machines_inside_networks(url: str) -> None:
    look = await SiteFetcher().look(url)
    assert "inside a network" in look.error


async def test_a_redirect_to_something_that_is_no_web_address_is_refused() -> None:
    with served(b"") as site:
        site.status, site.headers = 302, {"Location": "file:///etc/passwd"}
        look = await SiteFetcher(private=True).look(site.url)
    assert "no http(s) address" in look.error


@pytest.mark.parametrize("where", ["header", "page"])
async def test_a_korean_page_in_its_old_encoding_is_read(where: str) -> None:
    page = html().replace(b"utf-8", b"euc-kr").decode().encode("euc-kr")
    with served(page) as site:
        site.headers["Content-Type"] = "text/html; charset=EUC-KR" if where == "header" else "text/html"
        look = await SiteFetcher(private=True).look(site.url)
    assert look.page is not None
    assert look.page.title == "대성테크"


async def test_a_page_without_end_is_read_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "LARGEST", 1000)
    with served(html(more="x" * 100_000)) as site:
        look = await SiteFetcher(private=True).look(site.url)
    assert look.page is not None


async def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setattr(fetch, "WITHIN", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        look = await SiteFetcher(private=True).look(f"http://127.0.0.1:{silent.getsockname()[1]}/")
    assert look.error.startswith("no answer within")
