"""Whatever the order in which things come, they go out in the order of their time, as far as there is room."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from detectors.reorder import Reorder


def _through(times: list[float], most: int) -> list[tuple[float, int]]:
    reorder: Reorder[tuple[float, int]] = Reorder(most)
    out: list[tuple[float, int]] = []
    for number, time in enumerate(times):
        reorder.add(time, (time, number))
        out += reorder.due()
    return out + list(reorder.rest())


@given(st.lists(st.floats(0, 9).map(round)))
def test_few_things_go_out_in_order_and_those_of_one_time_as_they_came(times: list[float]) -> None:
    assert _through(times, most=len(times)) == sorted((time, number) for number, time in enumerate(times))


@given(st.lists(st.floats(0, 100), max_size=60), st.integers(2, 9))
def test_of_many_none_is_lost_or_doubled(times: list[float], most: int) -> None:
    assert sorted(_through(times, most)) == sorted((time, number) for number, time in enumerate(times))


@given(st.lists(st.floats(0, 1e6), unique=True, min_size=1, max_size=60), st.integers(2, 9), st.randoms())
def test_things_that_come_late_by_less_than_is_held_back_go_out_in_order(
    times: list[float], most: int, random: Random
) -> None:
    times.sort()
    for start in range(0, len(times), max(1, most // 2)):  # shuffled within half of what is held
        part = times[start : start + max(1, most // 2)]
        random.shuffle(part)
        times[start : start + len(part)] = part
    assert [time for time, _ in _through(times, most)] == sorted(times)
