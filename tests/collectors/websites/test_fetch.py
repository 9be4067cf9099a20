"""One look at a real server."""

import gzip
import ssl
from pathlib import Path

import pytest

from alerting.sandbox.certificate import make_certificate
from collectors.websites import fetch
from collectors.websites.addresses import Addresses, is_public
from collectors.websites.fetch import SiteFetcher
from tests.collectors.websites.server import served
from tests.collectors.websites.site import html


async def test_a_page_comes_with_its_status_and_time() -> None:
    with served(html()) as site:
        look = await SiteFetcher(Addresses(private=True)).look(site.url)
    assert (look.status, look.error) == (200, "")
    assert look.page is not None
    assert look.page.title == "대성테크"


async def test_a_trusted_certificate_tells_issuer_and_end(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    trust = ssl.create_default_context(cafile=str(certificate[0]))
    with served(html(), certificate) as site:
        look = await SiteFetcher(Addresses(private=True), trust=trust).look(site.url)
    assert (look.issuer, look.certificate_error) == ("Jikimi sandbox", "")
    assert look.expires_at is not None


async def test_a_certificate_nobody_vouches_for_is_told_and_the_page_still_compared(tmp_path: Path) -> None:
    with served(html(), make_certificate(tmp_path)) as site:
        look = await SiteFetcher(Addresses(private=True)).look(site.url)
    assert "self-signed" in look.certificate_error
    assert look.page is not None


@pytest.mark.parametrize("status", [404, 500, 503])
async def test_an_error_page_is_no_page(status: int) -> None:
    with served(html()) as site:
        site.status = status
        look = await SiteFetcher(Addresses(private=True)).look(site.url)
    assert look.page is None
    assert str(status) in look.error


async def test_a_server_that_is_away_is_told_in_a_sentence() -> None:
    with served(html()) as site:
        pass
    look = await SiteFetcher(Addresses(private=True)).look(site.url)
    assert look.error.startswith("no connection")


async def test_redirects_end_somewhere() -> None:
    with served(b"") as site:
        site.status, site.headers = 302, {"Location": "/again"}
        look = await SiteFetcher(Addresses(private=True)).look(site.url)
    assert look.error == f"more than {fetch.REDIRECTS} redirects"


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://[::1]/", "http://169.254.169.254/", "http://localhost/"])
async def test_a_centre_is_not_made_to_ask_machines_inside_networks(url: str) -> None:
    look = await SiteFetcher(Addresses()).look(url)
    assert "inside a network" in look.error


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("192.88.98.1", True),
        ("2a00::1", True),
        ("::ffff:127.0.0.1", False),
        ("::127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("fec0::1", False),
        ("fe80::1%eth0", False),
        ("224.0.0.1", False),
        ("100.64.0.1", False),
    ],
)
def test_an_address_is_judged_by_where_a_gateway_would_lead_it(address: str, public: bool) -> None:
    assert is_public(address) is public


async def test_a_name_that_answers_otherwise_the_second_time_is_asked_where_it_was_judged() -> None:
    with served(html()) as site:
        port = site.url.rsplit(":", 1)[1]
        look = await SiteFetcher(_Judged()).look(f"http://www.example.com:{port}")
    assert look.page is not None


class _Judged(Addresses):
    async def of(self, host: str) -> list[str]:
        return {"www.example.com": ["127.0.0.1"]}[host]


async def test_a_small_answer_that_unpacks_to_gigabytes_is_unpacked_to_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetch, "LARGEST", 1000)
    with served(gzip.compress(html() + bytes(10_000_000))) as site:
        site.headers["Content-Encoding"] = "gzip"
        look = await SiteFetcher(Addresses(private=True)).look(site.url)
    assert look.page is not None
    assert look.page.title == "대성테크"


@pytest.mark.parametrize("packed", ["zstd", "gzip"])
async def test_a_page_that_cannot_be_unpacked_is_told_in_a_sentence(packed: str) -> None:
    with served(html()) as site:
        site.headers["Content-Encoding"] = packed
        look = await SiteFetcher(Addresses(private=True)).look(site.url)
    assert "packed" in look.error


@pytest.mark.parametrize(
    "location",
    ["http://[", "http://[::1", "//[x]/", "http://a:b/", "http://\u0000/", "http://" + "a" * 300, "http:// /"],
)
async def test_no_redirect_is_too_odd_to_be_told(location: str) -> None:
    with served(b"") as site:
        site.status, site.headers = 302, {"Location": location}
        look = await SiteFetcher(Addresses(private=True)).look(site.url)
    assert look.error


@pytest.mark.parametrize(
    "charset", ["idna", "undefined", "hex", "utf-7", "unicode_escape", "punycode", "\0", "x" * 200]
)
async def test_an_encoding_that_is_none_harms_nobody(charset: str) -> None:
    with served(html() + b"\\ud800 +2AA-") as site:
        site.headers["Content-Type"] = f"text/html; charset={charset}"
        look = await SiteFetcher(Addresses(private=True)).look(site.url)
    assert look.page is not None or look.error


async def test_a_redirect_to_something_that_is_no_web_address_is_refused() -> None:
    with served(b"") as site:
        site.status, site.headers = 302, {"Location": "file:///etc/passwd"}
        look = await SiteFetcher(Addresses(private=True)).look(site.url)
    assert "no http(s) address" in look.error


@pytest.mark.parametrize("where", ["header", "page"])
async def test_a_korean_page_in_its_old_encoding_is_read(where: str) -> None:
    page = html().replace(b"utf-8", b"euc-kr").decode().encode("euc-kr")
    with served(page) as site:
        site.headers["Content-Type"] = "text/html; charset=EUC-KR" if where == "header" else "text/html"
        look = await SiteFetcher(Addresses(private=True)).look(site.url)
    assert look.page is not None
    assert look.page.title == "대성테크"


async def test_a_page_without_end_is_read_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "LARGEST", 1000)
    with served(html(more="x" * 100_000)) as site:
        look = await SiteFetcher(Addresses(private=True)).look(site.url)
    assert look.page is not None


async def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setattr(fetch, "WITHIN", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        look = await SiteFetcher(Addresses(private=True)).look(f"http://127.0.0.1:{silent.getsockname()[1]}/")
    assert look.error.startswith("no answer within")


async def test_the_sites_own_files_are_known_by_what_they_hold() -> None:
    with served(b"one") as site:
        fetcher = SiteFetcher(Addresses(private=True))
        before = await fetcher.files([f"{site.url}a.js", f"{site.url}b.js"])
        site.body = b"other"
        after = await fetcher.files([f"{site.url}a.js"])
        site.status = 404
        gone = await fetcher.files([f"{site.url}a.js"])
    assert before[f"{site.url}a.js"] == before[f"{site.url}b.js"] != after[f"{site.url}a.js"]
    assert gone == {}


async def test_files_inside_networks_are_not_asked_for() -> None:
    with served(b"one") as site:
        assert await SiteFetcher(Addresses(private=False)).files([f"{site.url}a.js"]) == {}
        assert site.asked == 0
