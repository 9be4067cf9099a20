"""Correlations on event time: when they fire, how long they go on, what state they keep (Sigma correlations 2.1)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.sigma.correlate import END, Correlator
from detectors.sigma.correlation_hit import CorrelationHit
from detectors.sigma.load import load_rules
from detectors.sigma.match import RuleSet
from jikimi.domain.event import Event, format_time
from jikimi.domain.logsource import LogSource
from tests.detectors.sigma.conftest import SOURCE, Load

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOW = NOON + timedelta(hours=6)
RULES = """\
title: A
name: a
logsource: {product: test}
detection: {s: {kind: a}, condition: s}
---
title: B
name: b
logsource: {product: test}
detection: {s: {kind: b}, condition: s}
---
title: Correlated
id: 00000000-0000-4000-8000-00000000000c
level: high
correlation:
"""
COUNT = RULES + "  {type: event_count, rules: [a], group-by: [host], timespan: 10m, condition: {gte: 3}}\n"
VALUES = (
    RULES + "  {type: value_count, rules: [a], group-by: [host], timespan: 10m, condition: {field: file, gte: 3}}\n"
)
TEMPORAL = RULES + "  {type: temporal, rules: [a, b], group-by: [host], timespan: 10m}\n"
ORDERED = RULES + "  {type: temporal_ordered, rules: [a, b], group-by: [host], timespan: 10m}\n"


def event(minute: float, **fields: object) -> Event:
    return {"@timestamp": format_time(NOON + timedelta(minutes=minute)), "kind": "a", "host": "pc-1", **fields}


def run(rules: RuleSet, events: Sequence[Event], *, at_once: bool = False, now: datetime = NOW) -> list[CorrelationHit]:
    """One apply an event, or one for all; the hits of all applies. Ids are e0, e1, …"""
    correlator = Correlator(rules.rules)
    refs = [(match, events[match.index], f"e{match.index}") for match in rules.match(SOURCE, events)]
    applies = [refs] if at_once else [[ref] for ref in refs]
    return [hit for part in applies for hit in correlator.apply("t", part, now)]


def test_an_event_count_fires_when_the_threshold_is_reached(load: Load) -> None:
    rules, _ = load(COUNT)
    assert run(rules, [event(0), event(1)]) == []
    (hit,) = run(rules, [event(0), event(1), event(2)])
    assert hit.new
    assert (hit.event_count, hit.distinct, hit.event_ids) == (3, 0, ("e0", "e1", "e2"))
    assert (hit.window_start, hit.last_time) == (NOON, NOON + timedelta(minutes=2))
    assert hit.group == {"host": "pc-1"}


def test_an_event_that_two_rules_of_a_correlation_match_is_one_event(load: Load) -> None:
    both = COUNT.replace("{kind: b}", "{kind: '*'}").replace("[a]", "[a, b]")
    assert run(load(both)[0], [event(0), event(1)], at_once=True) == []
    (hit,) = run(load(both)[0], [event(0), event(1), event(2)], at_once=True)
    assert hit.event_count == 3


def test_an_event_that_two_rules_match_brings_both_of_its_values(load: Load) -> None:
    both = VALUES.replace("{kind: b}", "{kind: '*'}").replace("[a]", "[a, b]").replace("gte: 3", "gte: 2")
    both = both.replace("field: file", "field: who").replace("{type:", "{aliases: {who: {a: x, b: y}}, type:")
    (hit,) = run(load(both)[0], [event(0, x="one", y="two")], at_once=True)
    assert hit.distinct == 2


def test_events_further_apart_than_the_timespan_do_not_add_up(load: Load) -> None:
    rules, _ = load(COUNT)
    assert run(rules, [event(0), event(6), event(12), event(18)]) == []
    assert run(rules, [event(0), event(5), event(10)])


def test_a_hit_goes_on_with_exact_counts_while_no_pause_is_longer_than_the_timespan(load: Load) -> None:
    rules, _ = load(COUNT)
    hits = run(rules, [event(minute) for minute in (0, 1, 2, 11, 21)])
    assert [(hit.new, hit.event_count) for hit in hits] == [(True, 3), (False, 4), (False, 5)]
    assert {hit.window_start for hit in hits} == {NOON}


def test_after_a_longer_pause_a_new_hit_may_fire(load: Load) -> None:
    rules, _ = load(COUNT)
    hits = run(rules, [event(minute) for minute in (0, 1, 2, 30, 31, 32)])
    assert [(hit.new, hit.event_count) for hit in hits] == [(True, 3), (True, 3)]
    assert hits[0].window_start != hits[1].window_start


def test_one_apply_tells_one_hit_with_its_end_state(load: Load) -> None:
    rules, _ = load(COUNT)
    (hit,) = run(rules, [event(n / 10) for n in range(250)], at_once=True)
    assert (hit.new, hit.event_count, len(hit.event_ids)) == (True, 250, 100)
    assert hit.event["@timestamp"] == event(24.9)["@timestamp"]


def test_groups_and_tenants_are_counted_apart(load: Load) -> None:
    rules, _ = load(COUNT)
    assert run(rules, [event(0), event(1), event(2, host="pc-2")]) == []
    correlator = Correlator(rules.rules)
    events = [event(0), event(1), event(2)]
    for match in rules.match(SOURCE, events):
        assert correlator.apply(f"tenant-{match.index}", [(match, events[match.index], "e")], NOW) == []


def test_the_case_of_a_group_value_does_not_count(load: Load) -> None:
    rules, _ = load(COUNT)
    assert run(rules, [event(0), event(1, host="PC-1"), event(2)])


def test_a_group_may_be_a_field_inside_an_object(load: Load) -> None:
    rules, _ = load(COUNT.replace("[host]", "[who.arn]"))
    events = [event(n, who={"arn": "a"}) for n in range(3)]
    (hit,) = run(rules, events)
    assert hit.group == {"who.arn": "a"}
    assert hit.event == events[-1]


def test_a_group_may_be_a_field_that_the_event_has_under_another_name(load: Load) -> None:
    windows = COUNT.replace("{product: test}", "{product: windows, category: process_creation}").replace("kind", "User")
    rules, _ = load(windows.replace("{User: a}", "{User|endswith: a}").replace("[host]", "[Image]"))
    events = [
        {"@timestamp": format_time(NOON), "Channel": "Security", "EventID": 4688, "NewProcessName": "x.exe"}
        | {"SubjectUserName": "a"}
    ] * 3
    refs = [(match, match.event, f"e{match.index}") for match in rules.match(LogSource("windows"), events)]
    (hit,) = Correlator(rules.rules).apply("t", refs, NOW)
    assert hit.group == {"Image": "x.exe"}


def test_an_event_without_the_group_field_belongs_to_no_group(load: Load) -> None:
    rules, _ = load(COUNT)
    assert run(rules, [event(n, host=None) for n in range(5)]) == []


def test_a_value_count_counts_distinct_values_and_all_events(load: Load) -> None:
    rules, _ = load(VALUES)
    same = [event(n / 10, file="one") for n in range(20)]
    assert run(rules, same) == []
    (hit,) = run(rules, [*same, event(3, file="two"), event(4, file="three"), event(5)], at_once=True)
    assert (hit.distinct, hit.event_count) == (3, 22)


def test_the_case_of_a_counted_value_does_not_count(load: Load) -> None:
    rules, _ = load(VALUES)
    assert run(rules, [event(0, file="one"), event(1, file="ONE"), event(2, file="two")]) == []


@pytest.mark.parametrize("kind", ["value_sum", "value_avg", "value_median", "value_percentile"])
@pytest.mark.parametrize("condition", ["gte: 5", "lt: 5"])
@pytest.mark.parametrize("values", [("1e999", "-1e999"), (1e308,) * 5, ("-1e308",) * 5, ("9" * 400, "-" + "9" * 400)])
def test_numbers_of_any_size_can_be_calculated_with(
    load: Load, kind: str, condition: str, values: tuple[object, ...]
) -> None:
    more = ", percentile: 50" if kind == "value_percentile" else ""
    rules, _ = load(
        VALUES.replace("value_count", kind).replace("field: file, gte: 3", f"field: size, {condition}{more}")
    )
    correlator = Correlator(rules.rules)
    events = [event(9 * n, size=value) for n, value in enumerate(values * 3)]
    refs = [(match, events[match.index], f"e{match.index}") for match in rules.match(SOURCE, events)]
    hits = [*correlator.apply("t", refs, NOW), *correlator.close(END)]
    assert all(isfinite(hit.measured) for hit in hits)


@pytest.mark.parametrize("restarted", [False, True])
def test_windows_that_are_over_at_once_feed_each_other(load: Load, restarted: bool) -> None:
    """Of the same length and from the same events, so that they end together."""
    fed = "---\ntitle: Fed\ncorrelation:\n  {type: event_count, rules: [low, b], timespan: 10m, condition: {lt: 9}}\n"
    rules, report = load(COUNT.replace("title: Correlated", "title: Low\nname: low").replace("gte: 3", "lt: 3") + fed)
    assert not report.refused
    correlator = Correlator(rules.rules)
    events = [event(0, kind="b"), event(0, host="pc-2"), event(0)]
    refs = [(match, events[match.index], f"e{match.index}") for match in rules.match(SOURCE, events)]
    assert correlator.apply("t", refs, NOW) == []
    if restarted:
        rows = [(operator, tenant, key, value) for operator, tenant, key, value, _ in correlator.changed() if value]
        correlator = Correlator(rules.rules)
        correlator.load(rows)
    assert [(hit.rule.title, hit.event_count) for hit in correlator.close(END)] == [("Fed", 3)]


def test_a_window_of_years_is_told_at_the_end_too(load: Load) -> None:
    rules, _ = load(COUNT.replace("gte: 3", "lt: 3").replace("10m", "10y"))
    correlator = Correlator(rules.rules)
    refs = [(match, match.event, "e") for match in rules.match(SOURCE, [event(0)])]
    assert correlator.apply("t", refs, NOW) == []
    assert [hit.event_count for hit in correlator.close(END)] == [1]


def test_a_value_seen_before_the_timespan_is_not_counted(load: Load) -> None:
    rules, _ = load(VALUES)
    assert run(rules, [event(0, file="one"), event(9, file="two"), event(11, file="three")]) == []
    assert run(rules, [event(0, file="one"), event(9, file="two"), event(9.5, file="one"), event(11, file="three")])


def test_distinct_values_rise_exactly_while_the_hit_goes_on(load: Load) -> None:
    rules, _ = load(VALUES)
    hits = run(rules, [event(n, file=f"f{n % 5}") for n in range(8)])
    assert [(hit.event_count, hit.distinct) for hit in hits] == [(3, 3), (4, 4), (5, 5), (6, 5), (7, 5), (8, 5)]


def test_a_temporal_correlation_needs_every_rule_in_any_order(load: Load) -> None:
    rules, _ = load(TEMPORAL)
    assert run(rules, [event(0), event(1), event(2)]) == []
    (hit,) = run(rules, [event(0, kind="b"), event(1)])
    assert hit.distinct == 2
    assert run(rules, [event(0, kind="b"), event(11)]) == []


def test_an_ordered_temporal_correlation_needs_the_order(load: Load) -> None:
    rules, _ = load(ORDERED)
    assert run(rules, [event(0, kind="b"), event(1)]) == []
    (hit,) = run(rules, [event(0, kind="b"), event(1), event(2, kind="b")])
    assert hit.event_ids == ("e1", "e2")
    assert run(rules, [event(0), event(11, kind="b")]) == []


def test_an_alias_names_the_group_in_rules_with_different_fields(load: Load) -> None:
    rules, report = load(
        RULES + "  type: temporal\n  rules: [a, b]\n  timespan: 10m\n  group-by: [machine]\n"
        "  aliases: {machine: {a: host, b: computer}}\n"
    )
    assert not report.refused
    other = {"@timestamp": format_time(NOON), "kind": "b", "computer": "pc-1"}
    (hit,) = run(rules, [event(0), other])
    assert hit.group == {"machine": "pc-1"}


@pytest.mark.parametrize(
    ("condition", "fires_at"),
    [("{gt: 2}", [3, 4, 5, 6]), ("{gte: 2, lte: 4}", [2, 3, 4]), ("{eq: 3}", [3]), ("{gt: 1, lt: 4}", [2, 3])],
)
def test_a_condition_may_be_a_range(load: Load, condition: str, fires_at: list[int]) -> None:
    rules, report = load(COUNT.replace("{gte: 3}", condition))
    assert not report.refused
    assert [hit.event_count for hit in run(rules, [event(n) for n in range(6)])] == fires_at


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("{gte: 3}", "{lt: 1}", "nothing at all"),
        ("{gte: 3}", "{eq: 0}", "nothing at all"),
        ("{gte: 3}", "{gte: 0}", "nothing at all"),
        ("{gte: 3}", "{gte: 5, lte: 3}", "no value is"),
        ("{gte: 3}", "{gte: 2.5}", "whole number"),
        ("{gte: 3}", "{gte: true}", "whole number"),
        ("{gte: 3}", "{many: 3}", "condition item"),
        ("{gte: 3}", "{gte: 3, many: 3}", "many"),
        ("{gte: 3}", "{gte: 3, field: host}", "counts no field"),
        ("{gte: 3}", "{gte: 3, percentile: 5}", "percentile"),
        ("{gte: 3}", "a or b", "temporal"),
        ("timespan: 10m", "timespan: 10m, window: 5", "'window'"),
        ("{gte: 3}", "{gte: 100000}", "above"),
        ("event_count", "nosuch", "nosuch"),
        ("rules: [a]", "rules: [nobody]", "nobody"),
        ("10m", "10parsecs", "10parsecs"),
        ("10m", "99999999d", "longer than 10 years"),
        ("10m", "9999999999999999999y", "longer than 10 years"),
        ("timespan: 10m", "timespan: 10", "is text, not 10"),
        ("event_count", "[event_count]", "is text"),
    ],
)
def test_a_correlation_that_is_not_matched_is_refused(load: Load, old: str, new: str, reason: str) -> None:
    rules, report = load(COUNT.replace(old, new))
    (refusal,) = report.refused
    assert refusal.rule == "Correlated"
    assert reason in refusal.reason
    assert refusal.line >= 11
    assert all(rule.generates for rule in rules.rules)


def test_a_correlation_of_a_refused_rule_is_refused_and_says_so(load: Load) -> None:
    _, report = load(COUNT.replace("{kind: a}", "{kind|nosuch: a}"))
    assert "was refused" in report.refused[-1].reason


def test_a_rule_of_a_correlation_generates_only_when_asked(load: Load) -> None:
    assert [rule.generates for rule in load(COUNT)[0].rules] == [False, True, True]
    assert [rule.generates for rule in load(COUNT + "generate: true\n")[0].rules] == [True, True, True]


def test_an_event_from_the_future_counts_as_happening_now(load: Load) -> None:
    rules, _ = load(COUNT)
    (hit,) = run(rules, [event(0), event(1), event(10_000_000)], now=NOON + timedelta(minutes=3))
    assert hit.last_time == NOON + timedelta(minutes=5)


def test_an_event_without_a_time_counts_as_happening_now(load: Load) -> None:
    rules, _ = load(COUNT)
    assert run(rules, [{"kind": "a", "host": "x"}, {"kind": "a", "host": "x"}, {"kind": "a", "host": "x"}])


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "x", 5])
def test_an_event_with_an_impossible_time_counts_as_happening_now(load: Load, stamp: object) -> None:
    (hit,) = run(load(COUNT)[0], [event(0) | {"@timestamp": stamp} for _ in range(3)], at_once=True)
    assert hit.last_time == NOW


def test_events_that_come_late_are_put_where_they_belong(load: Load) -> None:
    rules, _ = load(COUNT)
    (hit,) = run(rules, [event(5), event(9), event(2)])
    assert hit.event_ids == ("e2", "e0", "e1")


@settings(max_examples=60, deadline=None)
@given(
    minutes=st.lists(st.integers(0, 60), min_size=1, max_size=25),
    kind=st.sampled_from([COUNT, VALUES, TEMPORAL, ORDERED]),
    data=st.data(),
)
def test_state_taken_up_from_its_rows_goes_on_as_if_nothing_had_happened(
    minutes: list[int], kind: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "r.yml").write_text(kind, encoding="utf-8")
    rules, _ = load_rules([folder])
    events = [event(minute, file=f"f{n % 4}", kind="ab"[n % 3 == 0]) for n, minute in enumerate(minutes)]
    refs = [(match, events[match.index], f"e{match.index}") for match in rules.match(SOURCE, events)]
    unbroken = Correlator(rules.rules)
    rows: dict[tuple[str, str, str], bytes] = {}
    for ref in refs:
        expected = unbroken.apply("t", [ref], NOW)
        restarted = Correlator(rules.rules)
        restarted.load((*key, value) for key, value in rows.items())
        assert restarted.apply("t", [ref], NOW) == expected
        for operator, tenant, key, value, expires_at in restarted.changed():
            assert value is not None
            assert expires_at > NOW
            rows[operator, tenant, key] = value


def test_a_rule_whose_meaning_changed_does_not_take_up_old_state(load: Load) -> None:
    rules, _ = load(COUNT)
    events = [event(0), event(1)]
    correlator = Correlator(rules.rules)
    correlator.apply("t", [(m, events[m.index], "e") for m in rules.match(SOURCE, events)], NOW)
    rows = [(operator, tenant, key, value) for operator, tenant, key, value, _ in correlator.changed() if value]
    changed, _ = load(COUNT.replace("10m", "20m"))
    other = Correlator(changed.rules)
    other.load(rows)
    assert other.apply("t", [(m, events[m.index], "e") for m in changed.match(SOURCE, events[:1])], NOW) == []


def test_a_long_group_value_still_makes_a_bounded_key(load: Load) -> None:
    rules, _ = load(COUNT)
    events = [event(n, host="h" * 5_000) for n in range(3)]
    correlator = Correlator(rules.rules)
    hits = correlator.apply("t", [(m, events[m.index], "e") for m in rules.match(LogSource("test"), events)], NOW)
    assert len(hits) == 1
    assert all(len(key) <= 500 for _, _, key, _, _ in correlator.changed())


def test_groups_that_rested_past_their_time_are_forgotten_and_their_rows_too(load: Load) -> None:
    rules, _ = load(COUNT)
    correlator = Correlator(rules.rules)
    events = [event(0, host=f"pc-{n}") for n in range(1_200)]
    refs = [(match, events[match.index], "e") for match in rules.match(SOURCE, events)]
    correlator.apply("t", refs, NOW)
    correlator.commit()
    for ref in refs:
        correlator.apply("t", [ref], NOW + timedelta(days=1))
    busy = event(0, host="busy")
    (match,) = rules.match(SOURCE, [busy])
    for _ in range(2_500):
        correlator.apply("t", [(match, busy, "e")], NOW + timedelta(days=2))
    gone = [row for row in correlator.changed() if row[3] is None]
    assert len(gone) == 1_200


def test_a_row_that_cannot_be_read_starts_anew_and_is_counted(load: Load) -> None:
    rules, _ = load(COUNT)
    correlator = Correlator(rules.rules)
    (operator,) = correlator.operators
    correlator.load([(operator, "t", "k", b"\xc1"), ("another", "t", "k", b"\xc1")])
    assert correlator.lost == {("t", "state_unreadable"): 1}
