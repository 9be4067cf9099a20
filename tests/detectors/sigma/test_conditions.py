"""How detections and conditions join tests (Sigma specification 2.1, "Detection" and "Condition")."""

import pytest

from jikimi.domain.event import Event
from tests.detectors.sigma.conftest import SOURCE, Fires, Load

TWO = "{sel_a: {F: a}, sel_b: {G: b}, other: {H: c}, _hidden: {I: d}}"
CASES: list[tuple[str, str, str, Event, bool]] = [
    ("a map is and", "{s: {F: a, G: b}}", "s", {"F": "a"}, False),
    ("a list of maps is or", "{s: [{F: a}, {G: b}]}", "s", {"G": "b"}, True),
    ("a list of texts is keywords", "{s: [evil, wicked]}", "s", {"X": "something wicked comes"}, True),
    ("a keyword looks at every value", "{s: [evil]}", "s", {"X": {"Y": ["a", "an EVIL thing"]}}, True),
    ("a keyword looks at numbers", "{s: [4625]}", "s", {"EventID": 4625}, True),
    ("a keyword does not look at names", "{s: [evil]}", "s", {"evil": "x"}, False),
    ("a keyword has wildcards", "{s: ['e*l']}", "s", {"X": "an evil"}, True),
    ("all keywords", "{s: {'|all': [evil, wicked]}}", "s", {"X": "evil", "Y": "wicked"}, True),
    ("all keywords lack one", "{s: {'|all': [evil, wicked]}}", "s", {"X": "evil"}, False),
    ("keywords by regular expression", "{s: {'|re': ['ev[il]+']}}", "s", {"X": "an evil"}, True),
    ("keywords in a map beside a field", "{s: {F: a, '|contains': evil}}", "s", {"F": "a", "X": "evil"}, True),
    ("and", TWO, "sel_a and sel_b", {"F": "a", "G": "b"}, True),
    ("or", TWO, "sel_a or sel_b", {"G": "b"}, True),
    ("not", TWO, "not sel_a", {"G": "b"}, True),
    ("and binds before or", TWO, "sel_a or sel_b and other", {"F": "a"}, True),
    ("not binds before and", TWO, "not sel_a and sel_b", {"G": "b"}, True),
    ("parentheses", TWO, "(sel_a or sel_b) and other", {"F": "a"}, False),
    ("1 of a pattern", TWO, "1 of sel_*", {"G": "b"}, True),
    ("all of a pattern", TWO, "all of sel_*", {"G": "b"}, False),
    ("1 of them", TWO, "1 of them", {"H": "c"}, True),
    ("1 of them skips names that start with _", TWO, "1 of them", {"I": "d"}, False),
    ("all of them skips names that start with _", TWO, "all of them", {"F": "a", "G": "b", "H": "c"}, True),
    ("not 1 of", TWO, "sel_a and not 1 of sel_b*", {"F": "a", "G": "b"}, False),
    ("a name that starts like a word", "{notepad: {F: a}}", "notepad", {"F": "a"}, True),
    ("a list of maps inside and", "{s: [{F: a, G: b}, {H: c}]}", "s", {"F": "a"}, False),
]


@pytest.mark.parametrize(
    ("detections", "condition", "event", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_a_condition_joins_as_the_specification_says(
    fires: Fires, detections: str, condition: str, event: Event, expected: bool
) -> None:
    assert fires(detections, event, condition) is expected


@pytest.mark.parametrize("second", [{"G": "b"}, {"F": "a"}])
def test_a_condition_that_is_a_list_holds_when_one_item_does(load: Load, second: Event) -> None:
    rules, _ = load("title: T\nlogsource: {product: test}\ndetection: {a: {F: a}, b: {G: b}, condition: [a, b]}\n")
    assert rules.rules
    assert len(rules.match(SOURCE, [second])) == 1


@pytest.mark.parametrize("condition", ["nosuch", "1 of nosuch*", "sel | count() > 5", "sel and", "sel sel", ""])
def test_a_condition_that_cannot_be_read_is_refused(load: Load, condition: str) -> None:
    _, report = load(
        f"title: T\nlogsource: {{product: test}}\ndetection: {{sel: {{F: a}}, condition: '{condition}'}}\n"
    )
    (refusal,) = report.refused
    assert refusal.reason
    assert refusal.rule == "T"
