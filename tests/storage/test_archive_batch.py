"""Laws of cutting what was taken before."""

from hypothesis import given
from hypothesis import strategies as st

from jikimi.clock import utc_now
from jikimi.domain.event import EventBatch
from jikimi.storage.archive_batch import after, read
from jikimi.stream.port import EVENTS, Record, TopicPartition
from jikimi.testing.batches import batch_of, events_of, record_of

SOURCE = TopicPartition(EVENTS, 0)
SPOOL = ("agent", "epoch")


def records_of(batches: list[EventBatch]) -> list[Record]:
    news = [record_of(batch) for batch in batches]
    return [Record(*SOURCE, n, new.key, new.value, new.headers, utc_now()) for n, new in enumerate(news)]


def numbers(batch: EventBatch) -> list[int]:
    """The sequence numbers that envelope and block agree on."""
    events = list(batch.events())
    assert len(events) == batch.envelope.count
    seqs = [batch.envelope.first_seq + n for n in range(len(events))]
    assert seqs == [event["Seq"] for event in events]
    return seqs


def numbered(first: int, count: int) -> EventBatch:
    events = [{**event, "Seq": first + n} for n, event in enumerate(events_of(count))]
    return batch_of(events, first_seq=first)


@given(first=st.integers(0, 50), count=st.integers(1, 20), mark=st.integers(-1, 80))
def test_what_is_left_is_exactly_what_lies_above_the_mark(first: int, count: int, mark: int) -> None:
    left = after(numbered(first, count), mark)
    assert numbers(left) == [seq for seq in range(first, first + count) if seq > mark]


@given(
    sizes=st.lists(st.tuples(st.integers(0, 8), st.integers(1, 10)), min_size=1, max_size=15),
    mark=st.integers(-1, 30),
)
def test_whatever_an_agent_sends_again_is_taken_once(sizes: list[tuple[int, int]], mark: int) -> None:
    """Each batch begins at or before the number that is due (an agent repeats, it never skips)."""
    batches, due = [], 0
    for back, count in sizes:
        first = max(due - back, 0)
        batches.append(numbered(first, count))
        due = max(due, first + count)
    result = read(SOURCE, records_of(batches), {SPOOL: mark})
    taken = [seq for batch in result.batches for seq in numbers(batch)]
    assert taken == list(range(mark + 1, due))
    assert result.stored["tenant"] == len(taken)
    assert result.duplicates["tenant"] == sum(count for _, count in sizes) - len(taken)
    assert result.seen == {SPOOL: max(mark, due - 1)}


def test_equal_records_make_equal_tokens_and_other_rows_another() -> None:
    records = records_of([numbered(0, 5), numbered(5, 5)])
    assert read(SOURCE, records, {}).token == read(SOURCE, records, {}).token
    assert read(SOURCE, records, {}).token != read(SOURCE, records, {SPOOL: 4}).token
    assert read(SOURCE, records[:1], {}).token != read(SOURCE, records, {}).token
