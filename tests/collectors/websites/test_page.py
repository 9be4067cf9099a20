"""What is read of a page."""

from hypothesis import given
from hypothesis import strategies as st

from collectors.websites.page import distance, read_page, simhash
from tests.collectors.websites.site import TEXT, html

URL = "https://www.example.com/"


def test_title_and_other_hosts_are_read_as_a_browser_resolves_them() -> None:
    page = read_page(
        html(more='<iframe src="//frames.example.net/x"></iframe><form action="HTTPS://Take.Example.org/">'), URL
    )
    assert page.title == "대성테크"
    assert page.origins == {
        "script": {"cdn.example.com"},
        "frame": {"frames.example.net"},
        "form": {"take.example.org"},
        "landed": {"www.example.com"},
    }


def test_a_refresh_that_leads_elsewhere_is_a_frame_of_that_host() -> None:
    page = read_page(b"<meta http-equiv=Refresh content=\"0; url='https://other.example.net/'\">", URL)
    assert page.origins["frame"] == {"other.example.net"}


def test_scripts_and_styles_are_no_text() -> None:
    assert read_page(b"<body><script>var x = 1</script><style>p {}</style><p>text</p>", URL).words == {
        "/body/p": ("text",)
    }


def test_text_is_kept_by_its_place() -> None:
    page = read_page(html(news=("하나", "둘")), URL)
    assert page.words["/body/main/section#news/ul/li"] == ("하나", "둘")


@given(st.binary(max_size=2000))
def test_any_bytes_are_a_page(data: bytes) -> None:
    read_page(b"<html><body>" + data, URL)


def test_nesting_without_end_is_read() -> None:
    assert read_page(b"<body>" + b"<div>" * 500_000 + b"deep", URL).shape


@given(st.integers(0, 200))
def test_one_other_word_moves_few_bits_and_another_text_many(place: int) -> None:
    words = TEXT.split()
    changed = [*words]
    changed[place % len(words)] = "다른말"
    assert distance(simhash(words), simhash(changed)) <= 24
    assert distance(simhash(words), simhash(reversed(words))) > 12


def test_tags_without_end_are_read() -> None:
    page = read_page(b"<title>x</title>" + b"".join(b"<x%d>a</x%d>" % (n, n) for n in range(100_000)), URL)
    assert page.title == "x"
    assert len(page.shape) < 2000
