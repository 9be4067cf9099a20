"""Syslog's two forms, and how messages lie in a stream."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.network_devices import syslog
from collectors.network_devices.framing import Framing
from collectors.network_devices.syslog import LONGEST

NOW = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)


def test_a_new_message_is_taken_apart_with_its_structured_data() -> None:
    raw = b'<34>1 2026-01-01T00:14:15.003Z gw su 12 ID47 [ex@1 a="b\\"c\\]" x="y"][z] \xef\xbb\xbfsu root failed\n'
    assert syslog.parse(raw, NOW) == syslog.Message(
        "su root failed",
        datetime(2026, 1, 1, 0, 14, 15, 3000, UTC),
        "gw",
        "su",
        "12",
        "ID47",
        4,
        2,
        {"ex@1.a": 'b"c]', "ex@1.x": "y"},
    )


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"<13>Jan  1 00:20:00 srv app[9]: hello", ("hello", "srv", "app", "9", 2026)),
        (b"<13>Dec 31 23:59:59 srv app: hello", ("hello", "srv", "app", "", 2025)),
        (b"<13>2026-01-01T09:20:00+09:00 srv app: hello", ("hello", "srv", "app", "", 2026)),
        (b"<13>Jan 1 2024 00:20:00 srv: hello", ("hello", "", "srv", "", 2024)),
        (b"<189>45: *Jan  1 00:20:00.123 UTC: %SYS-5-CONFIG: hello", ("%SYS-5-CONFIG: hello", "", "", "", 2026)),
    ],
)
def test_the_old_form_is_read_as_devices_write_it(raw: bytes, expected: tuple[str, str, str, str, int]) -> None:
    message = syslog.parse(raw, NOW)
    assert message.time is not None
    assert (message.text, message.host, message.program, message.process, message.time.year) == expected


@pytest.mark.parametrize(
    "raw", [b"", b"<", b"<999>x", b"<13>", b"<34>1 ", b"<34>1 a b c d e [x", b"Feb 30 00:00:00 x y"]
)
def test_what_is_no_syslog_is_all_text(raw: bytes) -> None:
    assert syslog.parse(raw, NOW).time is None


MESSAGES = [b"<13>first", b"<14>second\twith tab", b"<15>third 12 <16>inside"]


@given(
    st.lists(st.tuples(st.sampled_from(MESSAGES), st.booleans()), max_size=8), st.lists(st.integers(1, 40), max_size=30)
)
def test_a_stream_gives_the_same_messages_however_it_is_cut_and_framed(
    sent: list[tuple[bytes, bool]], cuts: list[int]
) -> None:
    stream = b"".join(b"%d %s" % (len(raw), raw) if counted else raw + b"\n" for raw, counted in sent)
    framing, found = Framing(), []
    for cut in cuts:
        found += framing.feed(stream[:cut])
        stream = stream[cut:]
    found += framing.feed(stream) + framing.close()
    assert found == [raw for raw, _ in sent]


def test_a_sender_that_counts_may_send_messages_without_a_priority() -> None:
    sent = [b"<13>first", b"second\nof two lines", b"7 third"]
    framing = Framing()
    assert framing.feed(b"".join(b"%d %s" % (len(raw), raw) for raw in sent)) == sent


def test_a_message_that_the_connection_ended_within_is_given_without_its_count_and_counted() -> None:
    framing = Framing()
    assert framing.feed(b"500 <13>half") == []
    assert (framing.close(), framing.cut) == ([b"<13>half"], 1)
    framing = Framing()
    assert framing.feed(b"<13>no line end") == []
    assert (framing.close(), framing.cut) == ([b"<13>no line end"], 0)


@pytest.mark.parametrize("counted", [True, False])
def test_a_message_that_is_too_long_is_cut_counted_and_the_next_is_whole(counted: bool) -> None:
    long = b"<13>" + b"x" * (3 * LONGEST)
    framing = Framing()
    stream = (b"%d %s" % (len(long), long) if counted else long + b"\n") + b"<14>next\n"
    found = [raw for at in range(0, len(stream), 1000) for raw in framing.feed(stream[at : at + 1000])]
    assert [len(raw) for raw in found] == [LONGEST, 8]
    assert framing.cut == 1


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_any_bytes_pass_the_framing(chunks: list[bytes]) -> None:
    framing = Framing()
    for chunk in chunks:
        framing.feed(chunk)
    framing.close()


@pytest.mark.parametrize(
    ("now", "said", "meant"),
    [
        ("2026-12-31T23:59:50+00:00", "Jan  1 00:00:05", "2027-01-01T00:00:05+00:00"),
        ("2027-01-01T00:00:10+00:00", "Dec 31 23:59:59", "2026-12-31T23:59:59+00:00"),
        ("2026-12-01T00:00:00+00:00", "Mar  1 00:00:00", "2026-03-01T00:00:00+00:00"),
        ("2026-12-01T00:00:00+00:00", "Dec 15 00:00:00", "2025-12-15T00:00:00+00:00"),
        ("2026-12-01T00:00:00+00:00", "Feb 29 12:00:00", "2024-02-29T12:00:00+00:00"),
    ],
)
def test_a_date_without_a_year_is_the_latest_that_is_not_to_come(now: str, said: str, meant: str) -> None:
    found = syslog.parse(f"<14>{said} fw x".encode(), datetime.fromisoformat(now))
    assert (found.time, found.host, found.text) == (datetime.fromisoformat(meant), "fw", "x")
