"""The correlation section as rules are written (Sigma correlations 2.1): one test a part of the specification."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.sigma.correlate import END, Correlator
from detectors.sigma.correlation_hit import CorrelationHit
from detectors.sigma.match import RuleSet
from detectors.sigma.report import LoadReport
from jikimi.domain.event import Event
from tests.detectors.sigma.conftest import SOURCE, Load
from tests.detectors.sigma.test_correlate import NOON, NOW, RULES, event

C = RULES.replace("title: Correlated", "title: C").split("---\ntitle: C\n")[0] + (
    "---\ntitle: C\nname: c\nlogsource: {product: test}\ndetection: {s: {kind: c}, condition: s}\n---\n"
    "title: Correlated\nid: 00000000-0000-4000-8000-00000000000c\nlevel: high\ncorrelation:\n"
)


def run(rules: RuleSet, events: Sequence[Event], *, batch: int = 1) -> list[CorrelationHit]:
    """As last told of each hit, windows that are told at their end too."""
    correlator = Correlator(rules.rules)
    refs = [(match, events[match.index], f"e{match.index}") for match in rules.match(SOURCE, events)]
    hits = [
        hit for begin in range(0, len(refs), batch) for hit in correlator.apply("t", refs[begin : begin + batch], NOW)
    ]
    hits += correlator.close(END)
    return list({(hit.rule.title, *hit.group.values(), hit.window_start): hit for hit in hits}.values())


def fired(rules: RuleSet, events: Sequence[Event]) -> bool:
    return any(hit.rule.title == "Correlated" for hit in run(rules, events))


def of_kinds(kinds: str) -> list[Event]:
    """One event a minute; a dot is a minute without."""
    return [event(minute, kind=kind) for minute, kind in enumerate(kinds) if kind != "."]


def loaded(found: tuple[RuleSet, LoadReport]) -> RuleSet:
    assert found[1].refused == ()
    return found[0]


class TestCorrelationType:
    @pytest.mark.parametrize(
        ("kind", "condition", "numbers", "fires"),
        [
            ("value_sum", "gte: 100", [40, 60], True),
            ("value_sum", "gte: 100", [40, 59], False),
            ("value_sum", "gt: 99.5", ["40", "59.6"], True),
            ("value_sum", "lt: 100", [40, 59], True),
            ("value_sum", "lt: 100", [40, 60], False),
            ("value_avg", "gte: 50", [100, 0], True),
            ("value_avg", "gte: 50", [100, 0, 0], False),
            ("value_avg", "lt: 10", [1, 2, 30], False),
            ("value_median", "gt: 5", [1, 6, 100], True),
            ("value_median", "gt: 5", [1, 5, 100], False),
            ("value_median", "eq: 3.5", [3, 4], True),
            ("value_percentile", "gte: 9, percentile: 90", [1, 2, 3, 4, 5, 6, 7, 8, 9, 100], True),
            ("value_percentile", "gte: 10, percentile: 90", [1, 2, 3, 4, 5, 6, 7, 8, 9, 100], False),
            ("value_percentile", "gte: 100, percentile: 100", [1, 100], True),
            ("value_percentile", "lte: 1, percentile: 0", [1, 100], True),
            ("value_sum", "gte: 1", ["no number", None, "", [], {}], False),
        ],
    )
    def test_values_are_summed_averaged_and_ranked(
        self, load: Load, kind: str, condition: str, numbers: list[object], fires: bool
    ) -> None:
        section = f"{{type: {kind}, rules: [a], group-by: [host], timespan: 10m, condition: {{field: n, {condition}}}}}"
        rules = loaded(load(RULES + f"  {section}\n"))
        assert fired(rules, [event(n / 10, n=number) for n, number in enumerate(numbers)]) is fires

    def test_values_of_another_timespan_are_not_summed(self, load: Load) -> None:
        section = "{type: value_sum, rules: [a], group-by: [host], timespan: 10m, condition: {field: n, gte: 10}}"
        rules = loaded(load(RULES + f"  {section}\n"))
        assert not fired(rules, [event(0, n=9), event(11, n=9)])
        (hit,) = run(rules, [event(0, n=9), event(9, n=9)])
        assert hit.measured == 18

    def test_distinct_pairs_of_several_fields_are_counted(self, load: Load) -> None:
        section = "{type: value_count, rules: [a], group-by: [host], timespan: 10m, condition: {field: [u, d], gte: 3}}"
        rules = loaded(load(RULES + f"  {section}\n"))
        assert not fired(rules, [event(0, u=1, d=1), event(1, u=2, d=1), event(2, u=1, d=1), event(3, u=3)])
        assert fired(rules, [event(0, u=1, d=1), event(1, u=2, d=1), event(2, u=1, d=2)])

    def test_events_of_several_rules_are_counted_together(self, load: Load) -> None:
        rules = loaded(
            load(RULES + "  {type: event_count, rules: [a, b], group-by: [host], timespan: 10m, condition: {gte: 3}}\n")
        )
        assert fired(rules, of_kinds("aba"))


class TestCondition:
    @pytest.mark.parametrize(
        ("condition", "counts"),
        [
            ("{lt: 3}", [1, 2]),
            ("{lte: 3}", [1, 2, 3]),
            ("{neq: 3}", [1, 2, 4, 5]),
            ("{gt: 3}", [4, 5]),
            ("{gte: 3}", [3, 4, 5]),
            ("{gte: 2, neq: 3}", [2, 4, 5]),
        ],
    )
    def test_every_comparison_is_of_the_events_in_the_timespan(
        self, load: Load, condition: str, counts: list[int]
    ) -> None:
        section = f"{{type: event_count, rules: [a], group-by: [host], timespan: 10m, condition: {condition}}}"
        rules = loaded(load(RULES + f"  {section}\n"))
        assert [n for n in range(1, 6) if fired(rules, of_kinds("a" * n))] == counts
        assert not fired(rules, [])

    def test_fewer_than_is_told_when_the_window_is_over_and_not_before(self, load: Load) -> None:
        section = "{type: event_count, rules: [a], group-by: [host], timespan: 10m, condition: {lt: 3}}"
        rules = loaded(load(RULES + f"  {section}\n"))
        correlator = Correlator(rules.rules)
        (match,) = rules.match(SOURCE, [event(0)])
        assert correlator.apply("t", [(match, event(0), "e")], NOON, origin=b"here") == []
        assert correlator.close(NOON + timedelta(minutes=19)) == []
        (hit,) = correlator.close(NOON + timedelta(minutes=21))
        assert (hit.event_count, hit.origin, hit.event["host"], hit.new) == (1, b"here", "pc-1", True)
        assert [row[3] for row in correlator.changed()] == [None]
        assert correlator.close(END) == []

    def test_what_a_window_that_is_over_feeds_is_told_with_the_origin_of_its_own_event(self, load: Load) -> None:
        quiet = "{type: event_count, rules: [a], group-by: [host], timespan: 10m, condition: {lt: 3}}\nname: quiet\n"
        outer = "{type: value_count, rules: [quiet], group-by: [host], timespan: 1h, condition: {field: kind, lt: 3}}\n"
        again = "---\ntitle: Again\nid: 00000000-0000-4000-8000-00000000000d\nlevel: high\ncorrelation: "
        rules = loaded(load(RULES + f"  {quiet}{again}{outer}"))
        correlator = Correlator(rules.rules)
        (match,) = rules.match(SOURCE, [event(0)])
        correlator.apply("t", [(match, event(0), "e")], NOON, origin=b"here")
        hits = [*correlator.close(NOON + timedelta(minutes=21)), *correlator.close(END)]
        assert [(hit.rule.title, hit.origin) for hit in hits if hit.rule.generates] == [("Again", b"here")]

    def test_windows_that_are_over_feed_others_in_the_order_in_which_they_were_over(self, load: Load) -> None:
        quiet = "{type: event_count, rules: [a], group-by: [host], timespan: 10m, condition: {lt: 3}}\nname: quiet\n"
        outer = (
            "{type: value_count, rules: [quiet], group-by: [kind], timespan: 1h, condition: {field: host, gte: 2}}\n"
        )
        again = "---\ntitle: Again\nid: 00000000-0000-4000-8000-00000000000d\nlevel: high\ncorrelation: "
        rules = loaded(load(RULES + f"  {quiet}{again}{outer}"))
        correlator = Correlator(rules.rules)
        for number, minute in ((2, 30), (1, 0)):
            seen = event(minute, host=f"pc-{number}")
            (match,) = rules.match(SOURCE, [seen])
            correlator.apply("t", [(match, seen, f"e{number}")], NOON + timedelta(minutes=30))
        hits = correlator.close(NOON + timedelta(hours=2))
        assert [(hit.rule.title, hit.distinct) for hit in hits if hit.rule.generates] == [("Again", 2)]
        assert not correlator.lost

    @pytest.mark.parametrize(
        ("words", "kinds", "fires"),
        [
            ("a and not b", "a", True),
            ("a and not b", "a.b", False),
            ("a and not b", "b.a", False),
            ("a and not b", "b............a", True),
            ("a AND (b OR c)", "ab", True),
            ("a AND (b OR c)", "c.a", True),
            ("a AND (b OR c)", "bc", False),
            ("a or b and c", "a", True),
            ("(a or b) and c", "ab", False),
            ("not (not a) and b and c", "abc", True),
        ],
    )
    def test_a_temporal_condition_in_words_is_and_or_not_of_rules(
        self, load: Load, words: str, kinds: str, fires: bool
    ) -> None:
        named = ", ".join(name for name in "abc" if name in words.replace("and", "").lower())
        section = f"type: temporal\n  rules: [{named}]\n  group-by: [host]\n  timespan: 10m\n  condition: {words}\n"
        assert fired(loaded(load(C + f"  {section}")), of_kinds(kinds)) is fires

    def test_the_words_alone_may_name_the_rules(self, load: Load) -> None:
        rules = loaded(load(C + "  {type: temporal, group-by: [host], timespan: 10m, condition: a and c}\n"))
        assert fired(rules, of_kinds("c.a"))
        assert not fired(rules, of_kinds("b.a"))

    @pytest.mark.parametrize(
        ("kind", "words", "reason"),
        [
            ("temporal", "a and", "ends too early"),
            ("temporal", "a and b)", "too many"),
            ("temporal", "(a and b", "not closed"),
            ("temporal", "a and b and nobody", "'nobody', which is not among"),
            ("temporal", "a", "does not name 'b'"),
            ("temporal", "not a and not b", "nothing at all"),
            ("temporal", "not " * 200 + "a and b", "nested"),
            ("temporal_ordered", "a or b", "in the order"),
            ("temporal_ordered", "b and a", "in the order"),
            ("temporal_ordered", "a and not b", "in the order"),
            ("event_count", "a and b", "temporal"),
        ],
    )
    def test_words_without_a_meaning_are_refused_with_the_reason(
        self, load: Load, kind: str, words: str, reason: str
    ) -> None:
        _, report = load(C + f"  type: {kind}\n  rules: [a, b]\n  timespan: 10m\n  condition: {words}\n")
        (refusal,) = report.refused
        assert reason in refusal.reason
        assert refusal.line > 12

    def test_ordered_rules_joined_by_and_keep_their_order(self, load: Load) -> None:
        section = "{type: temporal_ordered, rules: [a, b], group-by: [host], timespan: 10m, condition: a and b}"
        rules = loaded(load(C + f"  {section}\n"))
        assert fired(rules, of_kinds("ab"))
        assert not fired(rules, of_kinds("ba"))

    @pytest.mark.parametrize(("count", "fires"), [("gte: 2", True), ("gt: 2", False), ("eq: 2", True)])
    def test_a_temporal_count_is_of_different_rules(self, load: Load, count: str, fires: bool) -> None:
        section = f"{{type: temporal, rules: [a, b, c], group-by: [host], timespan: 10m, condition: {{{count}}}}}"
        assert fired(loaded(load(C + f"  {section}\n")), of_kinds("aacca")) is fires


class TestTimeSelection:
    @pytest.mark.parametrize(
        ("timespan", "minutes"),
        [("90s", 1.5), ("90m", 90), ("2h", 120), ("1d", 1440), ("1w", 10_080), ("1M", 43_829), ("1y", 525_949)],
    )
    def test_every_unit_is_its_time(self, load: Load, timespan: str, minutes: float) -> None:
        section = f"{{type: temporal, rules: [a, b], group-by: [host], timespan: {timespan}}}"
        rules = loaded(load(C + f"  {section}\n"))
        assert fired(rules, [event(-minutes), event(0, kind="b")])
        assert not fired(rules, [event(-minutes - 0.5), event(0.5, kind="b")])

    @pytest.mark.parametrize("timespan", ["0m", "10", "-5m", "m", "1.5h", "10H", "1h30m", "10 m"])
    def test_any_other_is_refused(self, load: Load, timespan: str) -> None:
        _, report = load(C + f"  {{type: temporal, rules: [a, b], timespan: '{timespan}'}}\n")
        assert "imespan" in report.refused[0].reason


class TestOrderedTemporalProximity:
    def test_events_of_the_same_second_count_as_being_in_order(self, load: Load) -> None:
        section = "{type: temporal_ordered, rules: [a, b], group-by: [host], timespan: 10m}"
        rules = loaded(load(C + f"  {section}\n"))
        assert fired(rules, [event(1, kind="b"), event(1)])

    def test_a_late_event_is_put_before_what_it_precedes(self, load: Load) -> None:
        section = "{type: temporal_ordered, rules: [a, b, c], group-by: [host], timespan: 10m}"
        rules = loaded(load(C + f"  {section}\n"))
        assert fired(rules, [event(1), event(3, kind="c"), event(2, kind="b")])
        assert not fired(rules, [event(1), event(2, kind="c"), event(3, kind="b")])

    def test_a_rule_may_be_asked_for_twice(self, load: Load) -> None:
        section = "{type: temporal_ordered, rules: [a, b, a], group-by: [host], timespan: 10m}"
        rules = loaded(load(C + f"  {section}\n"))
        assert fired(rules, of_kinds("aba"))
        assert not fired(rules, of_kinds("aab"))


GUESSED = """\
title: Correlated
correlation:
  type: temporal_ordered
  rules: [many, b]
  group-by: [user]
  timespan: 10m
---
title: Many
name: many
correlation:
  type: event_count
  rules: [a]
  group-by: [user, host]
  timespan: 5m
  condition: {gte: 3}
---
""" + RULES.split("---\ntitle: Correlated")[0]


class TestChaining:
    def test_a_correlation_is_fed_by_another_that_may_stand_after_it(self, load: Load) -> None:
        rules = loaded(load(GUESSED))
        assert not fired(rules, [event(n, user="u", kind=kind) for n, kind in enumerate("aab")])
        assert fired(rules, [event(n, user="u", kind=kind) for n, kind in enumerate("aaab")])
        assert not fired(rules, [event(n, user="u", kind=kind) for n, kind in enumerate("baaa")])
        assert not fired(rules, [event(n, user=f"u{n // 3}", kind=kind) for n, kind in enumerate("aaab")])

    def test_the_inner_correlation_is_told_only_when_asked(self, load: Load) -> None:
        events = [event(n, user="u", kind=kind) for n, kind in enumerate("aaab")]
        assert [hit.rule.title for hit in run(loaded(load(GUESSED)), events)] == ["Correlated"]
        asked = GUESSED.replace("  timespan: 10m", "  timespan: 10m\n  generate: true")
        assert {hit.rule.title for hit in run(loaded(load(asked)), events)} == {"Correlated", "Many"}

    def test_a_hit_that_goes_on_keeps_the_outer_one_waiting(self, load: Load) -> None:
        guesses = [event(n, user="u") for n in range(60)]
        assert fired(loaded(load(GUESSED)), [*guesses, event(61, user="u", kind="b")])
        assert not fired(loaded(load(GUESSED)), [*guesses, event(80, user="u", kind="b")])

    def test_a_hit_that_goes_on_is_counted_once(self, load: Load) -> None:
        counted = GUESSED.replace("temporal_ordered\n  rules: [many, b]", "event_count\n  rules: [many]").replace(
            "10m", "1h\n  condition: {gte: 2}"
        )
        rules = loaded(load(counted))
        assert not fired(rules, [event(n / 10, user="u") for n in range(40)])
        assert fired(rules, [event(n % 3 + n // 3 * 20, user="u") for n in range(6)])

    @pytest.mark.parametrize(("outer", "lines"), [("one", [3, 7]), ("two", [3, 5])])
    def test_a_circle_is_refused(self, load: Load, outer: str, lines: list[int]) -> None:
        pair = "".join(
            f"title: {name}\nname: {name}\ncorrelation: {{type: temporal, rules: [a, {other}], timespan: 1m}}\n---\n"
            for name, other in (("one", "two"), ("two", outer))
        )
        rules, report = load(pair + RULES.split("---\ntitle: Correlated")[0])
        assert sorted(rule.title for rule in rules.rules) == ["A", "B"]
        assert ["circle" in refusal.reason for refusal in report.refused] == [True, True]
        assert [refusal.line for refusal in report.refused] == lines


class TestRelatedRules:
    def test_a_rule_is_named_by_id_or_by_name(self, load: Load) -> None:
        with_id = C.replace("title: A\n", "title: A\nid: 00000000-0000-4000-8000-00000000000a\n")
        section = "{type: temporal, rules: [00000000-0000-4000-8000-00000000000a, b], group-by: [host], timespan: 9m}"
        assert fired(loaded(load(with_id + f"  {section}\n")), of_kinds("ab"))

    def test_a_name_taken_twice_is_refused(self, load: Load) -> None:
        _, report = load(C.replace("name: b", "name: a") + "  {type: temporal, rules: [a], timespan: 9m}\n")
        assert "the name 'a' is already that of 'A'" in report.refused[0].reason

    @pytest.mark.parametrize("rules", ["[]", "{a: b}", "[1]", "[[a]]", "null"])
    def test_rules_that_are_no_names_are_refused(self, load: Load, rules: str) -> None:
        _, report = load(C + f"  {{type: event_count, rules: {rules}, timespan: 9m, condition: {{gte: 1}}}}\n")
        assert len(report.refused) == 1


class TestAliases:
    def test_an_alias_of_a_rule_that_is_not_correlated_is_refused(self, load: Load) -> None:
        _, report = load(
            C + "  type: temporal\n  rules: [a, b]\n  timespan: 9m\n  group-by: [m]\n  aliases: {m: {a: host, c: pc}}\n"
        )
        assert "'c', which the correlation does not name" in report.refused[0].reason

    def test_several_fields_group_together(self, load: Load) -> None:
        section = "{type: event_count, rules: [a], group-by: [host, user], timespan: 9m, condition: {gte: 2}}"
        rules = loaded(load(C + f"  {section}\n"))
        assert not fired(rules, [event(0, user="x"), event(1, user="y")])
        assert fired(rules, [event(0, user="x"), event(1, user="x")])

    def test_without_grouping_everything_is_one_group(self, load: Load) -> None:
        rules = loaded(load(C + "  {type: event_count, rules: [a], timespan: 9m, condition: {gte: 2}}\n"))
        assert fired(rules, [event(0, host="x"), event(1, host="y")])


SECTIONS = [
    "{type: event_count, rules: [a], group-by: [host], timespan: 10m, condition: {gte: 3}}",
    "{type: event_count, rules: [a], group-by: [host], timespan: 10m, condition: {lt: 3}}",
    "{type: value_count, rules: [a, b], group-by: [host], timespan: 10m, condition: {field: n, gte: 3}}",
    "{type: temporal, rules: [a, b, c], group-by: [host], timespan: 10m}",
    "{type: temporal_ordered, rules: [a, b, c], group-by: [host], timespan: 10m}",
    "{type: value_avg, rules: [a], group-by: [host], timespan: 10m, condition: {field: n, gt: 2}}",
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    section=st.sampled_from(SECTIONS),
    moments=st.lists(st.tuples(st.integers(0, 60), st.sampled_from("abc"), st.integers(0, 4)), min_size=1, max_size=25),
    batch=st.integers(2, 30),
)
def test_what_stands_at_the_end_does_not_depend_on_where_batches_end(
    load: Load, section: str, moments: list[tuple[int, str, int]], batch: int
) -> None:
    rules = loaded(load(C + f"  {section}\n"))
    events = [event(minute, kind=kind, n=n) for minute, kind, n in moments]

    def ended(size: int) -> list[tuple[object, ...]]:
        return sorted(
            (hit.window_start, hit.first_time, hit.event_count, hit.event_ids) for hit in run(rules, events, batch=size)
        )

    assert ended(1) == ended(batch)


def test_groups_beyond_the_bound_are_given_up_and_counted(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detectors.sigma.correlate.GROUPS", 3)
    rules = loaded(load(C + f"  {SECTIONS[0]}\n"))
    correlator = Correlator(rules.rules)
    events = [event(n, host=f"pc-{n}") for n in range(5)]
    correlator.apply("t", [(match, events[match.index], "e") for match in rules.match(SOURCE, events)], NOW)
    assert correlator.lost == {("t", "groups_given_up"): 2}
    assert [row[3] is None for row in correlator.changed()].count(True) == 2
    correlator.commit()
    assert not correlator.lost


def test_an_event_behind_the_lateness_is_counted(load: Load) -> None:
    rules = loaded(load(C + f"  {SECTIONS[0]}\n"))
    correlator = Correlator(rules.rules)
    events = [event(0), event(60), event(-60)]
    correlator.apply("t", [(match, events[match.index], "e") for match in rules.match(SOURCE, events)], NOW)
    assert correlator.lost == {("t", "events_too_late"): 1}
