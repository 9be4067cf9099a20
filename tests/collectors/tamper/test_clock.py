"""The clock watch as a dialogue: (wall clock, counter) in, seconds moved out."""

from hypothesis import given
from hypothesis import strategies as st

from collectors.tamper.clock import APART, JUMP, ClockWatch, clocks


def test_a_clock_that_runs_with_the_counter_was_not_moved() -> None:
    watch = ClockWatch(1000.0)
    assert [watch.look(1000.0 + at, at) for at in (0.0, 5.0, 3600.0, 86_400.0)] == [0.0] * 4


def test_a_jump_is_told_once_and_the_way_back_again() -> None:
    watch = ClockWatch(1000.0)
    assert [watch.look(1000.0 + at + moved, at) for at, moved in ((5, -7200), (10, -7200), (15, 0), (20, 0))] == [
        -7200,
        0,
        7200,
        0,
    ]


@given(st.lists(st.floats(-4.9, 4.9), min_size=1, max_size=200))
def test_what_was_told_and_the_clock_never_part_by_more_than_a_jump(steps: list[float]) -> None:
    """Small steps add up: nobody creeps away."""
    watch, lead, told = ClockWatch(0.0), 0.0, 0.0
    for at, step in enumerate(steps):
        lead += step
        told += watch.look(at * 5 + lead, at * 5)
        assert abs(lead - told) <= JUMP + 1e-6


def test_a_difference_from_the_centre_is_told_when_it_begins_changes_and_ends() -> None:
    watch = ClockWatch(0.0)
    assert [watch.heard(ahead) for ahead in (2, APART, 300, 301, -300, -2, 0)] == [
        None,
        None,
        300,
        None,
        -300,
        0.0,
        None,
    ]


def test_the_computers_own_clocks_are_read_together() -> None:
    (wall, counter), (later, counted) = clocks(), clocks()
    assert abs((later - wall) - (counted - counter)) < 1
