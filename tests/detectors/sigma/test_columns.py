"""What values were found to say is said again only of lines for which it is true, whatever was learnt meanwhile."""

from typing import Any

import pytest

from detectors.sigma import reference
from detectors.sigma.match import RuleSet
from detectors.sigma.rule import Rule
from detectors.sigma.tree import ANY, AnyOf, Exists, FieldRef, Node, Not, Null, Text
from jikimi.domain.event import Event, block_of, canonical
from jikimi.domain.logsource import LogSource

WINDOWS = LogSource("windows")


def check(conditions: list[Node], events: list[dict[str, Any]]) -> None:
    """Every event in a block of its own, twice: the second time from memory."""
    rules = RuleSet(
        [Rule(str(n), str(n), "low", (), LogSource(), "1", "", condition=one) for n, one in enumerate(conditions)]
    )
    for event in events * 2:
        told = {match.rule.id for match in rules.match_canonical(WINDOWS, block_of([canonical(event)]))}
        assert told == {rule.id for rule in rules.rules if reference.holds(rule, WINDOWS, event)}


def test_values_that_python_takes_for_equal_are_told_apart() -> None:
    check(
        [Text("A", (text,)) for text in ("1", "1.0", "true", "0")],
        [{"A": value} for value in (1, True, 1.0, "1", 0, False, "0", None)],
    )


@pytest.mark.parametrize("spaced", [{"T hreatName": "evil"}, {"a": 1, "Threat Name": "evil"}])
def test_a_field_under_a_name_with_a_space_is_not_taken_for_missing(spaced: dict[str, Any]) -> None:
    conditions: list[Node] = [Text("ThreatName", ("evil",)), Not(Text("ThreatName", ("evil",))), Null("ThreatName")]
    check([*conditions, Exists("ThreatName")], [{"a": 1}, spaced, {"ThreatName": "x"}, {"a": 1} | spaced])


@pytest.mark.parametrize(
    "event", [{}, {"SourceName": "x"}, {"Provider_Name": "x"}, {"ProviderName": None, "SourceName": "x"}]
)
@pytest.mark.parametrize("of", [{"Channel": "System", "EventID": 1}, {"Channel": "System"}, {}])
def test_a_field_under_another_name_is_not_taken_for_missing(event: dict[str, Any], of: dict[str, Any]) -> None:
    check([Text("Provider_Name", ("x",)), Null("Provider_Name"), Exists("Provider_Name")], [{"a": 1}, of | event])


def test_a_user_that_is_put_together_is_that_of_both_its_parts() -> None:
    of = {"Channel": "Security", "EventID": 4688, "SubjectUserName": "kim"}
    check([Text("User", ("office\\kim",))], [of | {"SubjectDomainName": name} for name in ("OFFICE", "HOME")])


def rules_of(*conditions: Node) -> RuleSet:
    return RuleSet(
        [Rule(str(n), str(n), "low", (), LogSource(), "1", "", condition=one) for n, one in enumerate(conditions)]
    )


def agree(rules: RuleSet, events: list[Event]) -> None:
    told = {(match.index, match.rule.id) for match in rules.match_canonical(WINDOWS, block_of(map(canonical, events)))}
    assert told == {
        (index, rule.id)
        for index, event in enumerate(events)
        for rule in rules.rules
        if reference.holds(rule, WINDOWS, event)
    }


def test_rules_hold_before_and_after_it_was_learnt_which_values_come_again() -> None:
    of_both = AnyOf((Text("File", (ANY, ".evil")), Text("Image", ("bad",))))
    rules = rules_of(Text("File", (ANY, ".evil")), Text("Image", ("bad",)), of_both, Not(of_both), Null("User"))
    odd: list[Event] = [
        {"File": "x.evil", "Image": "good"},
        {"File": "y", "Image": "bad"},
        {"File": 7},
        {"User": "u", "File": ["z.evil"]},
    ]
    for start in range(0, 16_000, 500):
        agree(rules, [*({"File": f"{n}.txt", "Image": "good", "User": "u"} for n in range(start, start + 500)), *odd])


def test_a_rule_that_is_often_asked_in_vain_still_holds_where_it_holds() -> None:
    """It gets other clauses, and then a memory of its own."""
    rules = rules_of(FieldRef("Image", "Parent"), FieldRef("Image", "Line", "contains"), Not(Text("Image", (ANY, "0"))))
    for start in range(0, 18_000, 1_000):
        numbers = range(start, start + 1_000)
        agree(rules, [{"Image": f"i{n % 40}", "Parent": f"p{n % 7}", "Line": f"i{n} x"} for n in numbers])
    agree(rules, [{"Image": "i7", "Parent": "I7", "Line": "7"}, {"Image": "i8", "Parent": "x", "Line": "an I8"}, {}])


def test_keywords_are_found_in_lines_whose_values_are_known() -> None:
    rules = rules_of(Text(None, (ANY, "mimikatz", ANY)), Text("Image", ("a",)))
    agree(rules, [{"Image": "a", "Note": note} for note in ("x", "a MimiKatz", "x", "x", "mimiKatz")])


def test_a_memory_has_a_bound_and_counts_how_often_it_was_full() -> None:
    rules = rules_of(Text("Image", (ANY, "evil")))
    for start in range(0, 12_000, 400):
        agree(rules, [{"Image": f"{n}"} for n in range(start, start + 400)])
    assert rules.caches_emptied > 0
    agree(rules, [{"Image": "x" * 5_000 + "evil"}])


def test_a_text_longer_than_any_expression_may_be_is_found() -> None:
    long = "a" * 30_000
    agree(rules_of(Text(None, (ANY, long, ANY)), Text("Image", (ANY, long))), [{"Image": long}, {"Image": long[1:]}])


@pytest.mark.parametrize("name", ["a b", 'a"b', "a\\b", "a\x01b", "é", "", "\u2028"])
def test_a_field_of_any_name_is_read(name: str) -> None:
    agree(rules_of(Text(name, ("v",)), Not(Text(name, ("v",)))), [{name: "v"}, {name: "w"}, {}])
