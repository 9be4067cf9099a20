"""Filters (Sigma filters specification 2.1): for which rules, and what is left of them."""

import pytest

from detectors.sigma.match import RuleSet
from jikimi.domain.event import Event
from tests.detectors.sigma.conftest import SOURCE, Load

RULES = """\
title: A
name: a
id: 00000000-0000-4000-8000-00000000000a
logsource: {product: test}
detection: {s: {F: x}, t: {G: y}, condition: s or t}
---
title: B
name: b
logsource: {product: test, category: any}
detection: {s: {F: x}, condition: [s, s]}
---
title: Counted
name: counted
correlation: {type: event_count, rules: [a, b], timespan: 1m, condition: {gte: 2}}
---
"""
FILTER = """\
title: Filter
logsource: LOGSOURCE
filter:
  rules: RULES
  sel_1: {User|startswith: adm}
  sel_2: {User: root}
  condition: CONDITION
"""
EVENT: Event = {"F": "x"}


def written(rules: str = "any", condition: str = "not 1 of sel_*", logsource: str = "{product: test}") -> str:
    stated = FILTER.replace("RULES", rules).replace("CONDITION", condition).replace("LOGSOURCE", logsource)
    return RULES + stated


def found(rules: RuleSet, **more: object) -> str:
    return "".join(match.rule.title for match in rules.match(SOURCE, [EVENT | more]))


@pytest.mark.parametrize(
    ("rules", "narrowed"),
    [
        ("any", "ab"),
        ("ANY", "ab"),
        ("[]", "ab"),
        ("a", "a"),
        ("[a]", "a"),
        ("[b, a]", "ab"),
        ("[00000000-0000-4000-8000-00000000000a]", "a"),
    ],
)
def test_a_filter_is_for_the_rules_it_names_by_id_or_name_or_for_any(load: Load, rules: str, narrowed: str) -> None:
    loaded, report = load(written(rules))
    assert (report.refused, report.without_effect) == ((), ())
    assert found(loaded, User="kim") == "AB"
    assert found(loaded, User="adm_1") == "AB".translate({ord(name): "" for name in narrowed.upper()})
    assert found(loaded, User="root") == found(loaded, User="adm_1")


@pytest.mark.parametrize(
    ("logsource", "narrowed"),
    [
        ("{product: test}", ""),
        ("{category: any}", "A"),
        ("{product: test, category: any}", "A"),
        ("{product: no}", "AB"),
    ],
)
def test_a_filter_is_for_the_rules_whose_log_source_its_own_includes(load: Load, logsource: str, narrowed: str) -> None:
    loaded, _ = load(written(logsource=logsource))
    assert found(loaded, User="root") == narrowed


@pytest.mark.parametrize(
    ("condition", "user", "remains"),
    [("sel_2", "root", True), ("sel_2", "kim", False), ("not sel_2", "root", False), ("all of them", "root", False)],
)
def test_the_condition_is_joined_by_and_as_written(load: Load, condition: str, user: str, remains: bool) -> None:
    loaded, _ = load(written(condition=condition))
    assert bool(found(loaded, User=user)) is remains


def test_it_holds_for_every_way_a_rule_may_be_met(load: Load) -> None:
    loaded, _ = load(written("a", "not sel_2"))
    assert not loaded.match(SOURCE, [{"G": "y", "User": "root"}])


def test_several_filters_are_all_joined(load: Load) -> None:
    second = FILTER.replace("RULES", "a").replace("CONDITION", "not sel_1").replace("LOGSOURCE", "{product: test}")
    loaded, _ = load(written("a", "not sel_2") + "---\n" + second)
    assert [found(loaded, User=user) for user in ("kim", "root", "adm")] == ["AB", "B", "B"]


def test_a_search_of_the_rule_and_one_of_the_filter_may_have_the_same_name(load: Load) -> None:
    loaded, report = load(written("a", "not s").replace("sel_1: {User|startswith: adm}", "s: {User: root}"))
    assert report.refused == ()
    assert [found(loaded, User=user) for user in ("kim", "root")] == ["AB", "B"]


@pytest.mark.parametrize(
    ("rules", "logsource", "reason"),
    [
        ("[a, nobody]", "{product: test}", "names 'nobody', which is not among"),
        ("counted", "{product: test}", "names 'counted', a correlation"),
        ("a", "{product: other}", "whose log source (product=test) is not"),
        ("any", "{product: other}", "no loaded rule has"),
    ],
)
def test_what_has_no_effect_is_reported_with_its_line(load: Load, rules: str, logsource: str, reason: str) -> None:
    _, report = load(written(rules, logsource=logsource))
    assert report.refused == ()
    (idle,) = report.without_effect
    assert idle.rule == "Filter"
    assert reason in idle.reason
    assert idle.line >= 14


@pytest.mark.parametrize(
    "broken",
    [
        ("  rules: any\n", ""),
        ("  rules: any\n", "  rules: 5\n"),
        ("  rules: any\n", "  rules: [{a: b}]\n"),
        ("  condition: not 1 of sel_*\n", ""),
        ("  condition: not 1 of sel_*\n", "  condition: [a]\n"),
        ("  condition: not 1 of sel_*\n", "  condition: nosuch\n"),
        ("logsource: {product: test}\nfilter", "filter"),
        ("startswith", "nosuch"),
        ("{User: root}", "{User|expand: '%admins%'}"),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused_and_no_rule_with_it(load: Load, broken: tuple[str, str]) -> None:
    loaded, report = load(written().replace(*broken))
    assert [refusal.rule for refusal in report.refused] == ["Filter"]
    assert found(loaded, User="root") == "AB"
