"""What exporters' own numbers say of what was lost on the way."""

from hypothesis import given
from hypothesis import strategies as st

from collectors.network_devices.sequence import Counts, Sent, Sequences

RECORDS, DATAGRAMS = Counts.RECORDS_BEFORE, Counts.DATAGRAMS
KEY = ("192.0.2.1", 9, 0)


@given(st.lists(st.booleans(), min_size=2, max_size=60), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_every_record_that_did_not_come_between_two_that_did_is_counted_also_where_the_number_runs_over(
    arrives: list[bool], records: int, first: int
) -> None:
    sequences, missing = Sequences(), 0
    came = [place for place, arrived in enumerate(arrives) if arrived]
    for place in came:
        number = (first + place * records) % 2**32
        missing += sequences.missing(KEY, number, Sent(records, records), RECORDS)
    assert missing == (came[-1] - came[0] + 1 - len(came)) * records if came else missing == 0


def test_an_exporter_that_counts_records_where_datagrams_are_the_standard_is_understood() -> None:
    sequences = Sequences()
    assert [sequences.missing(KEY, number, Sent(10, 10), DATAGRAMS) for number in (0, 10, 20, 40)] == [0, 0, 0, 10]


def test_an_exporter_that_starts_anew_has_lost_nothing() -> None:
    sequences = Sequences()
    assert [sequences.missing(KEY, number, Sent(1, 1), DATAGRAMS) for number in (5_000_000, 0, 1, 4)] == [0, 0, 0, 2]


def test_what_was_overtaken_on_the_way_is_not_missing() -> None:
    sequences = Sequences()
    assert sum(sequences.missing(KEY, number, Sent(3, 3), RECORDS) for number in (0, 3, 9, 6, 12)) == 0


def test_behind_records_that_nobody_could_count_nothing_is_said() -> None:
    sequences, came = Sequences(), ((0, None), (9, Sent(2, 2)), (11, Sent(2, 2)))
    assert [sequences.missing(KEY, number, sent, RECORDS) for number, sent in came] == [0, 0, 0]
