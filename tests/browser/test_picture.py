"""What a visitor sees of a site, drawn by a real browser."""

import pytest

from collectors.websites.page import distance
from collectors.websites.picture import reason_for_none, take_picture
from tests.collectors.websites.server import served
from tests.collectors.websites.site import html

pytestmark = pytest.mark.browser


async def test_the_same_page_looks_the_same_and_a_defaced_one_does_not() -> None:
    assert reason_for_none() == ""
    with served(html()) as site:
        png, own = await take_picture(site.url)
        _, again = await take_picture(site.url)
        site.body = b"<body style='background:#000;color:#0f0;font-size:90px'><center>HACKED<br>HACKED<br>HACKED"
        _, other = await take_picture(site.url)
    assert png.startswith(b"\x89PNG")
    assert distance(int(own, 16), int(again, 16)) == 0
    assert distance(int(own, 16), int(other, 16)) > 12
