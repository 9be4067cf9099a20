"""What a visitor sees of a site, drawn by a real browser.

The console's tests keep an event loop running in this thread, so these have theirs in another.
"""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor

import pytest

from collectors.websites.addresses import Addresses
from collectors.websites.page import distance
from collectors.websites.picture import reason_for_none, take_picture
from tests.collectors.websites.server import served
from tests.collectors.websites.site import html

pytestmark = pytest.mark.browser
OURS = Addresses(private=True)


def elsewhere(told: Coroutine[None, None, None]) -> None:
    """Run it to its end in a loop and a thread of its own."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, told).result()


def test_the_same_page_looks_the_same_and_a_defaced_one_does_not() -> None:
    assert reason_for_none() == ""
    elsewhere(_same_and_defaced())


def test_a_page_cannot_make_the_browser_ask_machines_inside_networks() -> None:
    elsewhere(_page_of_inside_addresses())


async def _same_and_defaced() -> None:
    with served(html()) as site:
        png, own = await take_picture(site.url, OURS)
        _, again = await take_picture(site.url, OURS)
        site.body = b"<body style='background:#000;color:#0f0;font-size:90px'><center>HACKED<br>HACKED<br>HACKED"
        _, other = await take_picture(site.url, OURS)
    assert png.startswith(b"\x89PNG")
    assert distance(int(own, 16), int(again, 16)) == 0
    assert distance(int(own, 16), int(other, 16)) > 12


async def _page_of_inside_addresses() -> None:
    with served(b"secret") as inside, served(b"") as site:
        port = inside.url.rsplit(":", 1)[1]
        names = ("127.0.0.1", "localhost", "[::1]", "2130706433", "0.0.0.0")
        site.body = "".join(f"<img src=http://{name}:{port}>" for name in names).encode()
        site.body += (
            f"<script>fetch('{inside.url}',{{mode:'no-cors'}});new WebSocket('ws://127.0.0.1:{port}')</script>".encode()
        )
        png, _ = await take_picture(f"http://www.example.com:{site.url.rsplit(':', 1)[1]}", _Judged())
    assert png
    assert site.asked
    assert inside.asked == 0


class _Judged(Addresses):
    """The page itself lies on this machine, as nothing else may."""

    async def of(self, host: str) -> list[str]:
        return ["127.0.0.1"] if host == "www.example.com" else await super().of(host)
