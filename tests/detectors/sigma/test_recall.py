"""What was remembered of a line is said again only of lines for which it is true."""

from typing import Any

import pytest

from detectors.sigma import reference
from detectors.sigma.lines import LineScanner, Part
from detectors.sigma.match import RuleSet
from detectors.sigma.recall import Recall
from detectors.sigma.rule import Rule
from detectors.sigma.tree import ANY, Exists, Node, Not, Null, Text
from jikimi.domain.event import block_of, canonical
from jikimi.domain.logsource import LogSource

WINDOWS = LogSource("windows")


def part_of(*events: dict[str, Any]) -> Part:
    block = block_of(map(canonical, events))
    lines = LineScanner(()).scan(block)
    return Part(block, lines.starts, lines.stops, lines.nested, lines.spaced)


def check(conditions: list[Node], events: list[dict[str, Any]]) -> None:
    """Every event in a block of its own, twice: the second time from memory."""
    rules = RuleSet(
        [Rule(str(n), str(n), "low", (), LogSource(), "1", "", condition=one) for n, one in enumerate(conditions)]
    )
    for event in events * 2:
        told = {match.rule.id for match in rules.match_canonical(WINDOWS, block_of([canonical(event)]))}
        assert told == {rule.id for rule in rules.rules if reference.holds(rule, WINDOWS, event)}


def test_lines_that_differ_only_in_what_nobody_asks_for_are_one() -> None:
    recall = Recall(["Image"])
    keys = recall.keys(part_of({"Image": "a", "Pid": 1}, {"Pid": 2, "Image": "a"}, {"Pid": 3}))
    recall.keep(keys[0], (7,))
    assert recall.known(keys) == [(7,), (7,), None]


@pytest.mark.parametrize("value", [True, 1.0, ["a"], {"b": 1}])
def test_a_value_that_is_no_text_and_no_whole_number_has_no_key(value: Any) -> None:
    keys = Recall(["Image"]).keys(part_of({"Image": value}, {"Image": "a"}))
    assert [key is None for key in keys] == [True, False]


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


def test_fields_whose_values_never_come_again_are_given_up_and_their_rules_still_hold() -> None:
    rules = RuleSet(
        [
            Rule("file", "file", "low", (), LogSource(), "1", "", condition=Text("File", (ANY, ".evil"))),
            Rule("image", "image", "low", (), LogSource(), "1", "", condition=Text("Image", ("bad",))),
        ]
    )
    lines = [{"File": f"{n}.txt", "Image": "good"} for n in range(3_100)]
    assert rules.match_canonical(WINDOWS, block_of(map(canonical, lines))) == []
    last = block_of(map(canonical, [{"File": "x.evil", "Image": "good"}, {"File": "y", "Image": "bad"}]))
    assert [match.rule.id for match in rules.match_canonical(WINDOWS, last)] == ["file", "image"]


def test_a_memory_that_never_helps_keeps_only_names_that_repeat() -> None:
    recall = Recall(["File", "Image"])
    part = part_of(*({"File": str(n), "Image": "a"} for n in range(50)))
    for key in recall.keys(part):
        recall.keep(key, ())
    assert recall.worth_keeping() == ("Image",)
