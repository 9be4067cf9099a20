"""A feed is bounded, and what it cannot hold is counted and told."""

import time
from collections import Counter
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from collectors.sources.feed import ENOUGH, Feed, Told
from jikimi.domain.logsource import AGENT_HEALTH, FILE_ACCESS, NETWORK_FLOW


def feed(capacity: int = 5) -> Feed:
    return Feed("files", "pc", capacity=capacity, patience=0.0)


def kinds(taken: Feed) -> Counter[str]:
    return Counter(o.event.get("Kind", "event") for o in taken.take(10_000))


def test_an_overflow_is_one_gap_event_with_its_exact_count() -> None:
    full = feed()
    for number in range(12):
        full.emit(FILE_ACCESS, {"Number": number})
    assert (full.seen, full.dropped) == (12, 7)
    assert kinds(full) == {"event": 5}
    gap = full.take(1)[0]
    assert gap.logsource == AGENT_HEALTH
    assert (gap.event["Kind"], gap.event["Dropped"], gap.event["Collector"]) == ("gap", 7, "files")
    assert gap.event["From"] <= gap.event["To"]


@given(st.lists(st.one_of(st.just("emit"), st.integers(1, 4)), max_size=60))
def test_every_event_is_either_taken_or_in_a_gap(steps: list[str | int]) -> None:
    """seen = taken + dropped, and the gaps add up to dropped."""
    bounded = feed(capacity=3)
    taken = []
    for step in steps:
        if isinstance(step, int):
            taken += bounded.take(step)
        else:
            bounded.emit(FILE_ACCESS, {"Action": "read"})
    while more := bounded.take(100):
        taken += more
    events = [o for o in taken if o.logsource == FILE_ACCESS]
    gaps = [o.event["Dropped"] for o in taken if o.logsource == AGENT_HEALTH]
    assert len(events) + bounded.dropped == bounded.seen
    assert sum(gaps) == bounded.dropped


def test_flows_wait_for_company_but_not_beside_what_is_urgent_nor_without_end() -> None:
    waiting = feed(capacity=2 * ENOUGH)
    waiting.emit(NETWORK_FLOW, {"SourcePort": 1})
    assert waiting.can_wait()
    waiting.health("degraded", "half blind")
    assert not waiting.can_wait()
    waiting.take(10)
    for port in range(ENOUGH):
        assert waiting.can_wait()
        waiting.emit(NETWORK_FLOW, {"SourcePort": port})
    assert not waiting.can_wait()


def test_a_loss_does_not_wait_to_be_told() -> None:
    full = feed(capacity=1)
    full.emit(NETWORK_FLOW, {"SourcePort": 1})
    full.emit(NETWORK_FLOW, {"SourcePort": 2})
    assert not full.can_wait()


def test_what_still_waits_is_not_safe_yet() -> None:
    waiting = feed()
    began = time.time()
    waiting.emit(NETWORK_FLOW, {"SourcePort": 1})
    emitted = time.time()
    time.sleep(0.01)
    waiting.emit(NETWORK_FLOW, {"SourcePort": 2})
    assert began <= waiting.safe_until() <= emitted
    taken = waiting.take(10)
    assert waiting.safe_until() <= emitted
    waiting.kept(taken)
    assert waiting.safe_until() > emitted


def test_what_the_kernel_threw_away_settles_nothing_that_waits() -> None:
    """Else a place in a log would be kept before the events in front of it are in the spool."""
    own = feed(capacity=2)
    own.lost("the kernel's queue ran over", datetime.now(UTC), 100)
    for number in range(3):
        own.emit(FILE_ACCESS, {"Number": number})
    assert (own.seen, own.settled) == (3, 2)
    own.kept(own.take(10))
    own.emit(FILE_ACCESS, {"Number": object()})
    assert (own.seen, own.settled) == (4, 4)


def test_fields_without_a_value_are_left_out() -> None:
    some = feed()
    some.emit(FILE_ACCESS, {"Action": "read", "User": "", "SizeBytes": None, "Protected": False})
    assert set(some.take(1)[0].event) == {"@timestamp", "Hostname", "Action", "Protected"}


def test_a_way_of_working_is_told_when_it_changes_and_not_again() -> None:
    changing = feed()
    changing.running("fanotify")
    changing.running("inotify", "who is not seen")
    changing.running("inotify", "who is not seen")
    changing.running("fanotify")
    assert [o.event["Kind"] for o in changing.take(10)] == ["degraded", "heartbeat"]
    assert changing.state == "running"


def test_health_is_told_even_when_the_queue_is_full() -> None:
    full = feed(capacity=1)
    full.emit(FILE_ACCESS, {})
    full.running("inotify", "who is not seen")
    assert kinds(full) == {"event": 1, "degraded": 1}


class Seen(Told):
    """Two fields of many."""

    target_filename: str = ""
    size_bytes: int | None = None


def test_an_event_with_a_class_is_told_like_one_of_fields() -> None:
    both = feed()
    both.emit(FILE_ACCESS, {"TargetFilename": "/srv/도면", "SizeBytes": 0}, datetime(2026, 1, 2, tzinfo=UTC))
    both.tell(FILE_ACCESS, Seen(timestamp="2026-01-02T00:00:00.000000Z", target_filename="/srv/도면", size_bytes=0))
    one, other = both.take(10)
    assert one == other
    both.tell(FILE_ACCESS, Seen(timestamp="2026-01-02T00:00:00.000000Z"))
    assert both.take(1)[0].event.keys() == {"@timestamp", "Hostname"}


def test_an_event_with_a_class_that_is_no_json_is_dropped_and_told() -> None:
    odd = feed()
    odd.tell(FILE_ACCESS, Seen(target_filename="/srv/\udc80"))
    (gap,) = odd.take(10)
    assert (gap.event["Kind"], gap.event["Dropped"], odd.seen, odd.dropped) == ("gap", 1, 1, 1)


def test_an_event_that_is_no_json_is_dropped_and_told_and_the_next_one_is_kept() -> None:
    odd = feed()
    odd.emit(FILE_ACCESS, {"TargetFilename": "/srv/\udc80"})
    odd.emit(FILE_ACCESS, {"TargetFilename": "/srv/a"})
    gap, kept = odd.take(10)
    assert (gap.event["Kind"], gap.event["Dropped"], kept.event["TargetFilename"]) == ("gap", 1, "/srv/a")
    assert (odd.seen, odd.dropped) == (2, 1)
