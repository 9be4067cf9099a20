"""Starts of programs are noted at once and taken in later, each as it was seen."""

from hypothesis import given
from hypothesis import strategies as st

from collectors.sources.starts import KEPT, SAME_START, Starts
from collectors.sources.who import Seen

DELAY = SAME_START // 4
"""Between the two times that the kernel writes of one start."""


def seen(number: int) -> Seen:
    return Seen(f"/bin/{number}", b"", 0.0)


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(2 * SAME_START, KEPT // 100)), max_size=20))
def test_each_of_several_starts_in_a_row_is_taken_as_it_was_seen(steps: list[tuple[int, int]]) -> None:
    starts, now, noted = Starts(), 0, []
    for number, (pid, pause) in enumerate(steps):
        now += pause
        starts.note(pid, now, seen(number))
        noted.append((pid, now + DELAY, number))
    assert [starts.take(pid, at) for pid, at, _ in noted] == [(True, seen(number)) for _, _, number in noted]
    assert not any(starts.take(pid, at)[0] for pid, at, _ in noted)


def test_one_that_had_gone_is_known_as_gone_and_one_that_was_not_noted_as_unknown() -> None:
    starts = Starts()
    starts.note(7, 1, None)
    assert starts.take(8, 1) == (False, None)
    assert starts.take(7, 2 + SAME_START) == (False, None)
    assert starts.take(7, 1) == (True, None)


def test_what_nobody_takes_is_forgotten() -> None:
    starts = Starts()
    starts.note(7, 0, seen(1))
    starts.forget(KEPT)
    assert starts.take(7, 0)[0]
    starts.note(7, 0, seen(1))
    starts.forget(KEPT + 1)
    assert not starts.take(7, 0)[0]
