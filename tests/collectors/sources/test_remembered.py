"""What was heard of is known for its time, and nothing else is."""

from hypothesis import given
from hypothesis import strategies as st

from collectors.sources.remembered import Remembered

NUMBERS = st.one_of(st.integers(0, 20), st.integers(0, (1 << 63) - 1))


@given(st.lists(st.tuples(NUMBERS, st.floats(0, 40)), max_size=60))
def test_a_number_is_news_once_within_its_time(heard: list[tuple[int, float]]) -> None:
    remembered, now = Remembered(100.0), 0.0
    added: dict[int, float] = {}
    for number, pause in heard:
        now += pause
        news = remembered.add(number, now)
        assert news or number in added
        if number in added and now - added[number] < 100.0:
            assert not news
        if news:
            added[number] = now


def test_many_are_all_known_and_no_other_is() -> None:
    remembered = Remembered(100.0)
    assert all(remembered.add(number * 0x9E3779B97F4A7C15 % (1 << 63), 1.0) for number in range(1, 20_000))
    assert not any(remembered.add(number * 0x9E3779B97F4A7C15 % (1 << 63), 2.0) for number in range(1, 20_000))
