"""Correlations as laws: the streaming form says what a plain evaluator of the whole list says.

In any order within the lateness, in batches of any size, and over any restart.
"""

from collections.abc import Iterator, Sequence
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.sigma.closing import Closing
from detectors.sigma.correlation_condition import Condition, Every, Expression, Never, Operator, Seen, Some
from detectors.sigma.correlation_reference import Hit, hits_of
from detectors.sigma.rule import Correlation, CorrelationType
from detectors.sigma.sighting import Session, Sighting
from detectors.sigma.timeline import LATENESS, Running, Telling, Timeline, TooLate

RULES = ("a", "b", "c")
SPAN = 100
EXPRESSIONS: list[Expression] = [
    Every((Seen(0), Some((Seen(1), Seen(2))))),
    Every((Seen(0), Never(Seen(1)))),
    Some((Every((Seen(0), Seen(1))), Seen(2))),
]
NUMBERS = {"value_sum", "value_avg", "value_percentile", "value_median"}


@pytest.fixture(autouse=True, scope="module")
def marks_close_together() -> Iterator[None]:
    """A short log has them too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("detectors.sigma.timeline.STRIDE", 3)
        yield


def correlation(kind: CorrelationType, condition: Condition) -> Correlation:
    return Correlation(kind, RULES, SPAN, condition, field=("f",) if kind in NUMBERS else ())


@st.composite
def correlations(draw: st.DrawFn) -> Correlation:
    kind: CorrelationType = draw(
        st.sampled_from(
            [
                "event_count",
                "value_count",
                "value_sum",
                "value_avg",
                "value_percentile",
                "value_median",
                "temporal",
                "temporal_ordered",
            ]
        )
    )
    if kind == "temporal_ordered":
        return correlation(kind, Condition((("gte", 3),)))
    if kind == "temporal" and draw(st.booleans()):
        return correlation(kind, Condition(expression=draw(st.sampled_from(EXPRESSIONS))))
    low, high = draw(st.integers(1, 4)), draw(st.integers(4, 6))
    bounds: tuple[tuple[Operator, int], ...] = draw(
        st.sampled_from(
            [
                (("gte", low),),
                (("gt", low),),
                (("eq", low),),
                (("gte", low), ("lte", high)),
                (("lt", high),),
                (("neq", low),),
            ]
        )
    )
    return correlation(kind, Condition(bounds, percentile=draw(st.integers(0, 100))))


@st.composite
def sightings(draw: st.DrawFn, *, spread: int = 1_500) -> list[Sighting]:
    times = draw(st.lists(st.integers(0, spread), min_size=1, max_size=30))
    kinds = draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5)), min_size=len(times), max_size=len(times)))
    return [
        Sighting(float(time), place, f"e{n:02}", value=number, number=float(number))
        for n, (time, (place, number)) in enumerate(zip(times, kinds, strict=True))
    ]


def as_seen(of: Correlation, seen: Sequence[Sighting]) -> list[Sighting]:
    """What temporal types count is the rule itself."""
    if of.type not in ("temporal", "temporal_ordered"):
        return list(seen)
    return [msgspec.structs.replace(sighting, value=sighting.place) for sighting in seen]


def stream(of: Correlation, seen: Sequence[Sighting]) -> list[Telling]:
    running = Running(of)
    tellings = [_now(telling) for sighting in seen for telling in running.take(sighting)]
    return tellings + [_now(telling) for telling in running.close(float("inf"))]


def _now(telling: Telling) -> Telling:
    """As it is at this moment: a session goes on."""
    return msgspec.structs.replace(telling, session=msgspec.convert(msgspec.to_builtins(telling.session), Session))


def at_last(tellings: Sequence[Telling]) -> dict[float, tuple[float, float, int, frozenset[str]]]:
    """What is last told of each hit: when from, until, how many, which."""
    return {
        t.anchor: (t.session.start, t.session.last, t.session.count, frozenset(name for _, name in t.session.ids))
        for t in tellings
    }


def summary(hit: Hit) -> tuple[float, float, int, frozenset[str]]:
    return hit[0].time, hit[-1].time, len(hit), frozenset(sighting.event_id for sighting in hit)


@settings(max_examples=400, deadline=None)
@given(of=correlations(), seen=sightings())
def test_events_in_order_give_exactly_the_hits_of_the_plain_evaluator(of: Correlation, seen: list[Sighting]) -> None:
    seen = as_seen(of, seen)
    told = at_last(stream(of, sorted(seen)))
    expected = [summary(hit) for hit in hits_of(of, seen)]
    if of.waits or of.condition.most == float("inf"):
        assert list(told.values()) == expected
    else:  # a range is told up to its upper bound; what follows belongs to the hit untold
        for (start, last, count, _), hit in zip(told.values(), expected, strict=True):
            assert (start, last <= hit[1], count <= hit[2]) == (hit[0], True, True)


@settings(max_examples=400, deadline=None)
@given(of=correlations(), seen=sightings(spread=int(LATENESS)), order=st.randoms(use_true_random=False))
def test_in_any_order_within_the_lateness_the_same_hits_stand_at_the_end(
    of: Correlation, seen: list[Sighting], order: Random
) -> None:
    seen = as_seen(of, seen)
    shaken = list(seen)
    order.shuffle(shaken)
    told = at_last(stream(of, shaken)).values()
    expected = [summary(hit) for hit in hits_of(of, seen)]
    if of.condition.most != float("inf") and not of.waits:
        return
    compared = 3 if of.type == "temporal_ordered" else 4  # which of two of the same second it was is not retold
    for hit in expected:
        assert hit[:compared] in [standing[:compared] for standing in told]
    for start, last, _, _ in told:  # a hit that a late event joined to another lies within that one
        assert any(hit[0] <= start and last <= hit[1] for hit in expected)


@settings(max_examples=200, deadline=None)
@given(of=correlations(), seen=sightings(spread=5_000))
def test_a_long_stream_with_late_events_settles_to_the_same_hits(of: Correlation, seen: list[Sighting]) -> None:
    late = sorted(as_seen(of, seen), key=lambda sighting: sighting.time // LATENESS)
    if of.condition.most != float("inf") and not of.waits:
        return
    told = [standing[:3] for standing in at_last(stream(of, late)).values()]
    for hit in hits_of(of, late):
        assert summary(hit)[:3] in told


@settings(max_examples=200, deadline=None)
@given(of=correlations(), seen=sightings(), at=st.integers(0, 30))
def test_state_written_and_read_back_anywhere_tells_the_same(of: Correlation, seen: list[Sighting], at: int) -> None:
    seen = as_seen(of, seen)
    whole = Running(of)
    parts = Running(of)
    for n, sighting in enumerate(sorted(seen, key=lambda s: s.time // 200)):
        if n == at:
            parts = Running(of, msgspec.msgpack.decode(msgspec.msgpack.encode(parts.state), type=Timeline))
        assert list(map(_now, parts.take(sighting))) == list(map(_now, whole.take(sighting)))
    assert list(map(_now, parts.close(float("inf")))) == list(map(_now, whole.close(float("inf"))))


@pytest.mark.parametrize(
    "kind", ["event_count", "value_count", "temporal", "temporal_ordered", "value_sum", "value_avg"]
)
def test_the_state_of_one_group_is_bounded(kind: CorrelationType) -> None:
    of = correlation(kind, Condition((("gte", 3 if kind.startswith("temporal") else 10_000),)))
    running = Running(of)
    for n in range(20_000):
        running.take(Sighting(n / 1_000, n % 2, f"event-{n}", value=n % 2 if kind.startswith("temporal") else n % 900))
    assert len(msgspec.msgpack.encode(running.state)) < 1_000_000


def test_a_sighting_within_the_lateness_is_put_in_its_place_and_one_behind_it_refused() -> None:
    running = Running(correlation("event_count", Condition((("gte", 2),))))
    running.take(Sighting(0.0, 0, "early"))
    running.take(Sighting(LATENESS + 200, 0, "newest"))
    assert running.take(Sighting(250.0, 0, "late")) == []
    (telling,) = running.take(Sighting(210.0, 0, "later"))
    assert (telling.session.start, telling.session.count) == (210.0, 2)
    with pytest.raises(TooLate):
        running.take(Sighting(-1.0, 0, "too late"))


@pytest.mark.parametrize("bounds", [(("gte", 2),), (("lt", 3),)], ids=["told at once", "told when over"])
def test_a_sighting_behind_the_lateness_is_refused_when_nothing_of_its_group_is_settled(
    bounds: tuple[tuple[Operator, int], ...],
) -> None:
    running = Running(correlation("event_count", Condition(bounds)))
    running.take(Sighting(1_000.0, 0, "newest"))
    for late in (1_000 - LATENESS - 0.5, 0.0):
        with pytest.raises(TooLate):
            running.take(Sighting(late, 0, "late"))
    kept = Running(
        correlation("event_count", Condition(bounds)),
        msgspec.msgpack.decode(msgspec.msgpack.encode(running.state), type=Timeline),
    )
    with pytest.raises(TooLate):
        kept.take(Sighting(0.0, 0, "late after a restart"))
    kept.take(Sighting(1_000 - LATENESS, 0, "just in time"))
    assert [sighting.event_id for sighting in kept.state.log] == ["just in time", "newest"]


@settings(max_examples=200, deadline=None)
@given(of=correlations(), seen=sightings(spread=3_000), order=st.randoms(use_true_random=False))
def test_what_is_behind_the_lateness_counts_only_in_a_hit_that_goes_on(
    of: Correlation, seen: list[Sighting], order: Random
) -> None:
    shaken = as_seen(of, seen)
    order.shuffle(shaken)
    running, newest = Running(of), 0.0
    for sighting in shaken:
        settled = running.state.settled
        session = None if isinstance(settled, Closing) else settled.session
        goes_on = session is not None and session.start <= sighting.time <= session.last + SPAN
        if sighting.time < newest - LATENESS and not goes_on:
            with pytest.raises(TooLate):
                running.take(sighting)
        else:
            running.take(sighting)
        newest = max(newest, sighting.time)
