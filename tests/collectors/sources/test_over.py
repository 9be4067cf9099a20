"""Flows that are over: each told once with its own counters, however soon its ports and its id are used again."""

from hypothesis import given
from hypothesis import strategies as st

from collectors.sources.conntrack import ASSURED, CLOSE, SEEN_REPLY, TCP, TIME_WAIT, Entry
from collectors.sources.flow_event import NANOSECONDS
from collectors.sources.over import END_COMES_WITHIN, REMEMBERED, Over

ESTABLISHED = 3
ASKED = b"these ports"
STOPPED = 1_800_000_000 * NANOSECONDS


def flow(start: int, *, state: int = TIME_WAIT) -> Entry:
    ports = (40_000).to_bytes(2) + (80).to_bytes(2)
    status = SEEN_REPLY | ASSURED
    return Entry(1, 2, TCP, b"\1\1\1\1", b"\2\2\2\2", ports, status, state, 0, 5, start, 5, 9, start, STOPPED)


class Clock:
    now = STOPPED / NANOSECONDS

    def __call__(self) -> float:
        return self.now


def over_now() -> Over:
    clock = Clock()
    return Over(clock, clock)


def test_a_flow_that_is_over_is_told_once_with_the_counters_asked_for() -> None:
    over = over_now()
    over.closed(ASKED)
    assert list(over.waiting) == [ASKED]
    assert over.answered(ASKED, flow(7))
    over.closed(ASKED)  # a RST after the FIN
    assert not over.answered(ASKED, flow(7))
    assert not over.waiting


def test_what_the_kernel_forgets_in_its_own_time_was_told_before() -> None:
    clock = Clock()
    over = Over(clock, clock)
    over.closed(ASKED)
    assert over.answered(ASKED, flow(7))
    assert not over.forgotten(ASKED, flow(7, state=CLOSE))
    clock.now += REMEMBERED + 1
    over.give_up()
    assert not over.forgotten(ASKED, flow(7, state=CLOSE))


def test_a_flow_whose_ports_are_used_again_while_its_end_is_waited_for_is_told_once() -> None:
    """The kernel keeps a closed connection for two minutes, and throws it out when a new one takes its ports."""
    clock = Clock()
    over = Over(clock, clock)
    over.closed(ASKED)
    assert over.answered(ASKED, flow(7))
    for _ in range(11):
        clock.now += 10
        over.give_up()
    thrown_out = flow(7)._replace(stop=int(clock.now * NANOSECONDS))
    assert not over.forgotten(ASKED, thrown_out)


def test_a_new_connection_on_the_ports_is_not_taken_for_the_old_one() -> None:
    over = over_now()
    over.closed(ASKED)
    assert not over.answered(ASKED, flow(9, state=ESTABLISHED))
    assert over.forgotten(ASKED, flow(7))
    over.closed(ASKED)
    assert over.answered(ASKED, flow(9))


def test_a_flow_of_which_nothing_more_comes_is_counted_as_lost_once() -> None:
    clock = Clock()
    over = Over(clock, clock)
    over.closed(ASKED)
    assert over.give_up() == 0
    clock.now += END_COMES_WITHIN + 1
    assert over.give_up() == 1
    assert over.give_up() == 0


@given(st.lists(st.one_of(st.none(), st.integers(0, 5)), min_size=1, max_size=30))
def test_of_flows_that_follow_each_other_on_the_same_ports_each_is_told_once(ahead: list[int | None]) -> None:
    """Behind the n-th message the counters are asked for while the kernel is `ahead[n]` messages further on."""
    flows = len(ahead) // 2 + 1
    messages = [number // 2 + 1 for number in range(2 * flows - 1)]  # of each flow: closed, then forgotten
    over, told = over_now(), []
    for place, number in enumerate(messages):
        if place % 2 == 0:
            over.closed(ASKED)
        elif over.forgotten(ASKED, flow(number)):
            told.append(number)
        lead = ahead[place] if place < len(ahead) else 0
        if lead is not None and over.waiting:
            last = min(place + lead, len(messages) - 1)
            now = flow(messages[last]) if last % 2 == 0 else flow(messages[last] + 1, state=ESTABLISHED)
            if over.answered(ASKED, now):
                told.append(now.start)
    if over.waiting and over.answered(ASKED, flow(flows)):
        told.append(flows)
    assert sorted(told) == list(range(1, flows + 1))
