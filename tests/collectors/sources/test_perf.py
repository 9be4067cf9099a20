"""Records as they lie in the kernel's ring."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from collectors.sources.perf import RECORD_EXIT, RECORD_FORK, RECORD_LOST, RECORD_SAMPLE, Record, records

numbers = st.one_of(st.integers(1, 3), st.integers(1, 2**31 - 1))
times = st.integers(0, 2**62)
raws = st.binary(max_size=60)
none = st.just(b"")


def packed(record: Record) -> bytes:
    """As the kernel writes it; a sample's raw data is padded to eight bytes together with its length."""
    if record.kind == RECORD_SAMPLE:
        data = record.raw + bytes(-(len(record.raw) + 4) % 8)
        body = struct.pack("=IIQI", record.pid, record.tid, record.at, len(record.raw)) + data
    elif record.kind == RECORD_LOST:
        body = struct.pack("=QQ", 7, record.other)
    else:
        body = struct.pack("=IIIIQ", record.pid, record.other, record.tid, record.other, record.at)
    return struct.pack("=IHH", record.kind, 0, 8 + len(body)) + body


def of_a_thread(record: Record) -> bool:
    """A thread begins in the process that made it, and ends with an id other than the process's."""
    if record.kind == RECORD_FORK:
        return record.pid == record.other
    return record.kind == RECORD_EXIT and record.pid != record.tid


samples = st.builds(Record, times, st.just(RECORD_SAMPLE), numbers, numbers, st.just(0), raws)
tasks = st.builds(Record, times, st.sampled_from([RECORD_FORK, RECORD_EXIT]), numbers, numbers, numbers, none)
losses = st.builds(Record, st.just(0), st.just(RECORD_LOST), st.just(0), st.just(0), numbers, none)


@given(st.lists(st.one_of(samples, tasks, losses), max_size=20))
def test_every_record_is_read_as_it_was_written_but_for_threads(written: list[Record]) -> None:
    unknown = struct.pack("=IHH", 3, 0, 16) + bytes(8)
    told = [record for record in written if not of_a_thread(record)]
    assert list(records(unknown.join(map(packed, written)))) == told


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_fail_before_a_whole_header_lies(waiting: bytes) -> None:
    assert list(records(waiting[:7])) == []
