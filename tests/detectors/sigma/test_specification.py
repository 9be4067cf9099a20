"""The Sigma rules specification 2.1, section by section, where no other file here proves it.

Elsewhere: values and modifiers in `test_modifiers`, conditions in `test_conditions`, correlations in
`test_correlations`, filters in `test_filters`, placeholders in `test_placeholders`, files in `test_load`.
"""

import base64
import json
from typing import Any

import pytest

from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource
from tests.detectors.sigma.conftest import SOURCE, Fires, Load

RULE = "title: T\nlogsource: {product: test}\ndetection: {s: {F: a}, condition: s}\n"


def refused(load: Load, text: str) -> str:
    """Why the only rule of this text was refused."""
    rules, report = load(text)
    assert not rules.rules
    (refusal,) = report.refused
    assert refusal.line >= 1
    return refusal.reason


class TestRuleAttributes:
    @pytest.mark.parametrize(
        "attribute",
        [
            "status: stable",
            "status: test",
            "status: experimental",
            "status: deprecated",
            "related: [{id: 08fbc97d-0a2f-491c-ae21-8ffcfd3174e9, type: derived}]",
            "taxonomy: sigma",
            "description: words",
            "license: DRL-1.1",
            "references: [https://example.com]",
            "author: A, B",
            "date: 2026-11-22",
            "modified: '2026-11-22'",
            "fields: [F, G]",
            "falsepositives: [Unlikely]",
            "scope: [server]",
            "tags: [attack.t1059, cve.2024-1, detection.emerging-threats]",
            "custom: {anything: [at, all]}",
        ],
    )
    def test_what_describes_a_rule_does_not_change_what_it_finds(self, load: Load, attribute: str) -> None:
        rules, report = load(f"{RULE}{attribute}\n")
        assert report.refused == ()
        assert rules.match(SOURCE, [{"F": "a"}])

    @pytest.mark.parametrize(
        ("written", "kept"),
        [
            ("my-rule.7", "my-rule.7"),
            ("1001", "1001"),
            ("08FBC97D-0A2F-491C-AE21-8FFCFD3174E9", "08fbc97d-0a2f-491c-ae21-8ffcfd3174e9"),
        ],
    )
    def test_an_id_need_not_be_a_uuid(self, load: Load, written: str, kept: str) -> None:
        assert [rule.id for rule in load(f"{RULE}id: {written}\n")[0].rules] == [kept]

    @pytest.mark.parametrize("written", ["MY-RULE", "08FBC97D-0A2F-491C-AE21-8FFCFD3174E9"])
    def test_a_rule_is_found_by_its_id_as_it_was_written(self, load: Load, written: str) -> None:
        rules, report = load(
            f"{RULE}id: {written}\n---\ntitle: C\ncorrelation:\n  {{type: event_count, rules: [{written}],"
            f" group-by: [{'F'}], timespan: 1m, condition: {{gte: 2}}}}\n---\ntitle: N\nlogsource: {{product: test}}\n"
            f"filter: {{rules: [{written}], s: {{F: b}}, condition: not s}}\n"
        )
        assert (report.refused, report.without_effect, len(rules.correlations)) == ((), (), 1)

    @pytest.mark.parametrize("level", ["informational", "low", "medium", "high", "critical"])
    def test_a_level_is_kept(self, load: Load, level: str) -> None:
        assert load(f"{RULE}level: {level}\n")[0].rules[0].level == level

    @pytest.mark.parametrize(
        ("attribute", "reason"),
        [
            ("level: grave", "grave"),
            ("status: shiny", "shiny"),
            ("status: unsupported", "says of itself"),
            ("taxonomy: ecs", "the taxonomy 'ecs' is not known"),
            ("related: [{id: 08fbc97d-0a2f-491c-ae21-8ffcfd3174e9, type: cousin}]", "cousin"),
            ("id: ''", "the id must be a text of 1 to 64"),
            ("id: true", "the id must be a text of 1 to 64"),
            (f"id: {'x' * 65}", "the id must be a text of 1 to 64"),
            ('id: "a\\nb"', "the id must be a text of 1 to 64"),
            ("date: yesterday", "yesterday"),
            ("id: [a]", ""),
            ("name: [a]", ""),
            ("title: ''", ""),
            ("jikimi: text", "jikimi"),
        ],
    )
    def test_what_the_specification_does_not_know_is_refused(self, load: Load, attribute: str, reason: str) -> None:
        plain = RULE.replace("title: T\n", "") if attribute.startswith("title") else RULE
        if attribute == "title: ''":
            assert load(f"{attribute}\n{plain}")[1].files == 1  # an empty title is a linter's matter
        else:
            assert reason in refused(load, f"{plain}{attribute}\n")

    def test_a_rule_without_what_is_mandatory_is_refused(self, load: Load) -> None:
        for line in RULE.splitlines(keepends=True):
            assert refused(load, RULE.replace(line, ""))


class TestLogSource:
    @pytest.mark.parametrize("stated", ["{}", "text", "[a]", "{product: [a]}", "{definition: only words}"])
    def test_a_log_source_that_names_nothing_is_refused(self, load: Load, stated: str) -> None:
        refused(load, RULE.replace("{product: test}", stated))

    def test_all_that_is_stated_must_hold(self, load: Load) -> None:
        rules, _ = load(RULE.replace("{product: test}", "{product: test, service: x, definition: words}"))
        assert rules.match(LogSource("test", "any", "x"), [{"F": "a"}])
        assert not rules.match(LogSource("test", "any", "y"), [{"F": "a"}])


class TestEscaping:
    @pytest.mark.parametrize(
        ("written", "value", "matches"),
        [
            (r"a\b", r"a\b", True),
            (r"a\\b", r"a\b", True),
            (r"a\*b", "a*b", True),
            (r"a\*b", "axb", False),
            (r"a\?b", "a?b", True),
            (r"a\?b", "axb", False),
            (r"a\\*", r"a\xyz", True),
            (r"a\\*", "a*", False),
            (r"a\\\*b", r"a\*b", True),
            (r"a\\\*b", r"a\xb", False),
            (r"a\\\\b", r"a\\b", True),
            (r"a\\\b", r"a\\b", True),
            ("a\\", "a\\", True),
            (r"\\\\server\\share\*", r"\\server\share*", True),
            ("a%b", "a%b", True),
        ],
    )
    def test_a_backslash_escapes_wildcards_and_itself(
        self, fires: Fires, written: str, value: str, matches: bool
    ) -> None:
        assert fires({"F": written}, {"F": value}) is matches
        assert fires({"F|contains": written}, {"F": f"<{value}>"}) is matches


class TestFieldUsage:
    @pytest.mark.parametrize(
        "name", ["Threat Name", "a.b.c", "필드", "Feld-Ä", "@field", "a:b", "cs-uri-query", "0", "c_1"]
    )
    def test_any_field_name_is_a_field_name(self, fires: Fires, name: str) -> None:
        assert fires({name: "x"}, {name: "x"})
        assert fires({f"{name}|contains": "x"}, {name: "axb"})
        assert not fires({name: "x"}, {"other": "x"})

    def test_a_field_is_the_one_of_that_case(self, fires: Fires) -> None:
        assert not fires({"Image": "x"}, {"image": "x"})

    @pytest.mark.parametrize(
        "detection", [{"F": []}, {"F": {"a": "b"}}, {}, [], None, [None], [[]], {1: "a"}, {"F": [["a"]]}]
    )
    def test_a_search_without_a_value_is_refused(self, load: Load, detection: Any) -> None:
        text = RULE.replace("{F: a}", repr(detection).replace("None", "null"))
        refused(load, text)


class TestNumbers:
    @pytest.mark.parametrize(
        ("written", "value", "matches"),
        [
            (42, 42, True),
            (42, "42", True),
            (42, 42.0, True),
            (42, "42.0", False),
            (2.5, 2.5, True),
            (2.5, "2.5", True),
            (-1, -1, True),
            (0, "0", True),
            (0, False, False),
            ("042", 42, False),
            (2**63, 2**63, True),
        ],
    )
    def test_a_number_is_the_same_in_any_form(self, fires: Fires, written: Any, value: Any, matches: bool) -> None:
        assert fires({"F": written}, {"F": value}) is matches


CHAINS: list[tuple[str, Any, Any, bool]] = [
    ("F|contains|all|cased", ["A", "b"], "A b", True),
    ("F|contains|all|cased", ["A", "b"], "a b", False),
    ("F|all|contains", ["A", "b"], "b a", True),
    ("F|all", ["*a*", "*b"], "ab", True),
    ("F|all", "a", "a", True),
    ("F|startswith|cased", "Ab", "ab", False),
    ("F|endswith|windash|contains", " -x", "a /x b", True),
    ("F|windash|endswith", " –x", "a -x", True),
    ("F|windash|all|contains", ["-a", "/b"], "x /a –b", True),
    ("F|windash|all|contains", ["-a", "/b"], "x /a", False),
    ("F|neq", ["a", "b"], "c", True),
    ("F|neq", ["a", "b"], "B", False),
    ("F|neq", 5, "5", False),
    ("F|neq", 5, 6, True),
    ("F|contains", 5, "a5b", True),
    ("F|contains", 5, 151, True),
    ("F|contains", 5, 11, False),
    ("F|startswith", [44, "a"], 4444, True),
    ("F|endswith", 1.5, "x1.5", True),
    ("F|contains", True, "is TRUE", True),
    ("F|cased", 5, 5, True),
    ("F|contains|neq", "a", "xax", False),
    ("F|neq|contains", "a", "xbx", True),
    ("F|cidr|neq", "192.0.2.0/24", "198.51.100.1", True),
    ("F|cidr", ["192.0.2.0/24", "2001:db8::/32"], "2001:db8::1", True),
    ("F|cidr", ["192.0.2.0/24", "2001:db8::/32"], "203.0.113.1", False),
    ("F|cidr", "0.0.0.0/0", "203.0.113.1", True),
    ("F|re", ["a+$", "^b"], "xaa", True),
    ("F|re|all", ["a", "b"], "ba", True),
    ("F|re|all", ["a", "b"], "a", False),
    ("F|re|i|m|s", "^B.C$", "a\nb\nc\nd", True),
    ("F|re|contains", "a|b", "xbx", True),
    ("F|re|startswith", "^a", "ab", True),
    ("F|re", r"a\?b", "a?b", True),
    ("F|re", "a*", "", True),
    ("F|exists", True, None, True),
    ("F|fieldref|neq", "G", "x", True),
    ("F|fieldref|neq", "G", "here", False),
    ("F|fieldref|endswith", "G", "over here", True),
    ("F|fieldref|contains", "G", "is here now", True),
    ("F|fieldref|startswith", "G", "hereafter", True),
    ("F|gt", 5, "5.1", True),
    ("F|gt", 5, "five", False),
    ("F|gt", 5, "6\x1f", True),
    ("F|gt", 5, None, False),
    ("F|lt", -1.5, "-2", True),
    ("F|gte|neq", 5, "4", True),
    ("F|minute", 7, "2026-11-22T10:07:59Z", True),
    ("F|day|lte", 22, "2026-11-22T10:07:59Z", True),
    ("F|month", [10, 11], "2026-11-22", True),
    ("F|year|gt", 2025, "2026-11-22T10:07:59+09:00", True),
    ("F|hour", 10, 1_795_341_600, True),
    ("F|hour", 10, "no time", False),
    ("F|base64", "abc", base64.b64encode(b"abc").decode(), True),
    ("F|base64offset|contains", ["foo bar", "nothing"], base64.b64encode(b"xxfoo bar").decode(), True),
    ("F|utf16be|base64offset|contains", "abc", base64.b64encode("xabc".encode("utf-16-be")).decode(), True),
    ("F|utf16|base64|contains", "abc", base64.b64encode("abc".encode("utf-16")).decode(), True),
    ("F|utf16le|base64|startswith", "abc", base64.b64encode("abc".encode("utf-16-le")).decode(), True),
    ("F|wide|base64offset|contains", "abcd", base64.b64encode("zzabcd".encode("utf-16-le")).decode(), True),
    ("F|base64offset|contains|windash", "abc", base64.b64encode(b"abc").decode(), True),
]


class TestValueModifiers:
    @pytest.mark.parametrize(("field", "written", "value", "matches"), CHAINS)
    def test_modifiers_are_applied_in_their_order(
        self, fires: Fires, field: str, written: Any, value: Any, matches: bool
    ) -> None:
        assert fires({field: written}, {"F": value, "G": "here"}) is matches

    @pytest.mark.parametrize(
        ("field", "written"),
        [
            ("F|", "a"),
            ("F|contains|nosuch", "a"),
            ("F|Contains", "a"),
            ("F|contains", None),
            ("F|startswith", None),
            ("F|windash", 5),
            ("F|windash|contains", "-a -b -c -d"),
            ("F|contains|re", "a"),
            ("F|re|re", "a"),
            ("F|re|cased", "a"),
            ("F|re|base64", "a"),
            ("F|re", "("),
            ("F|re", "a(?=b)"),
            ("F|re", "a(?!b)"),
            ("F|re", r"(a)\1"),
            ("F|i", "a"),
            ("F|contains|m", "a"),
            ("F|s", "a"),
            ("F|contains|cidr", "192.0.2.0/24"),
            ("F|cidr|contains", "192.0.2.0/24"),
            ("F|cidr", "192.0.2.0/33"),
            ("F|cidr", "text"),
            ("F|cidr", 5),
            ("F|base64", "a*"),
            ("F|base64", 5),
            ("F|base64offset", "a?b"),
            ("F|wide", 5),
            ("F|utf16|base64", "값"),
            ("F|lt", "5"),
            ("F|gt", "many"),
            ("F|gte", None),
            ("F|contains|lt", 5),
            ("F|lt|contains", 5),
            ("F|lt|gt", 5),
            ("F|hour", "ten"),
            ("F|hour|minute", 5),
            ("F|hour|contains", 5),
            ("F|exists", "yes"),
            ("F|exists", 1),
            ("F|exists", [True, False]),
            ("F|re", 5),
            ("F|re", None),
            ("F|expand|base64", "%none%"),
            ("F|base64offset|expand", "a%none%"),
            ("F|expand|fieldref", "%none%"),
            ("F|contains|exists", True),
            ("F|exists|contains", True),
            ("|exists", True),
            ("|cidr", "192.0.2.0/24"),
            ("|lt", 5),
            ("|fieldref", "G"),
            ("F|fieldref", "G*"),
            ("F|fieldref", 5),
            ("F|fieldref|re", "G"),
            ("F|expand", "%none%"),
            ("F|re|expand", "%none%"),
        ],
    )
    def test_a_combination_without_a_meaning_is_refused_with_the_reason(
        self, load: Load, field: str, written: Any
    ) -> None:
        assert refused(load, RULE.replace("{F: a}", json.dumps({field: written})))

    def test_the_reason_stands_at_the_line_of_the_field(self, load: Load) -> None:
        _, report = load(RULE.replace("{s: {F: a}, condition: s}", "\n  s:\n    A: x\n    B|lt: text\n  condition: s"))
        assert [refusal.line for refusal in report.refused] == [6]
        assert report.refused[0].rule == "T"

    @pytest.mark.parametrize(
        ("part", "line"),
        [
            ("  s:\n    A: [B, C]\n    B|contains:\n      - B\n      - null\n  condition: s", 8),
            ("  s:\n    - A: B\n    - B|re: '('\n  condition: s", 6),
            ("  s: {A: condition}\n  condition: s and", 5),
            ("  s: {A: b}\n  n: []\n  condition: s", 5),
            ("  s: {A|expand: '%a%'}\n  t: {A: {b: c}}\n  condition: s", 5),
            ("  s: {A|lt: null}\n  t: {A|expand: '%a%'}\n  condition: s and t", 4),
            ("  s: {A: b}\n  condition: s\nlevel: s", 6),
        ],
    )
    def test_the_line_is_that_of_the_faulty_part_wherever_its_words_stand_before(
        self, load: Load, part: str, line: int
    ) -> None:
        _, report = load(f"title: A B s and condition\nlogsource: {{product: test}}\ndetection:\n{part}\n")
        assert [refusal.line for refusal in report.refused] == [line]


class TestKeywordsSearch:
    @pytest.mark.parametrize(
        ("search", "event", "matches"),
        [
            ("word", {"X": "a word here"}, True),
            (["word", 5], {"X": 15}, True),
            ({"|all": ["a", "b"]}, {"X": "a", "Y": "b"}, True),
            ({"|contains": "ord"}, {"X": "word"}, True),
            ({"|contains|all": ["wo", "rd"]}, {"X": "word"}, True),
            ({"|cased": "Word"}, {"X": "a word"}, False),
            ({"|cased": "Word"}, {"X": "a Word"}, True),
            ({"|re": "w.rd$"}, {"X": "a word"}, True),
            ({"|re|i": "W.RD$"}, {"X": "a word"}, True),
            ({"|startswith": "wo"}, {"X": "a word"}, True),
            ({"|neq": "word"}, {"X": "word"}, False),
            ({"|windash|contains": " -x"}, {"X": "a /x"}, True),
            ({"|base64offset|contains": "secret"}, {"X": base64.b64encode(b"a secret").decode()}, True),
            (["기밀"], {"X": ["내부 기밀 문서"]}, True),
            ([{"F": "a"}, "word"], {"X": "word"}, True),
            ([{"F": "a"}, "word"], {"F": "a"}, True),
            ({"|all": ["a", "b"], "F": "c"}, {"X": "a b", "F": "c"}, True),
            ({"|all": ["a", "b"], "F": "c"}, {"X": "a b", "F": "d"}, False),
        ],
    )
    def test_keywords_are_searched_for_in_the_whole_event(
        self, fires: Fires, search: Any, event: Event, matches: bool
    ) -> None:
        assert fires({"k": search}, event, "k") is matches


class TestConditionGrammar:
    TWO = "{sel_a: {F: a}, sel_b: {G: b}, x_sel: {H: c}, _h: {I: d}, condition: CONDITION}"

    @pytest.mark.parametrize(
        ("condition", "event", "matches"),
        [
            ("any of sel_*", {"G": "b"}, True),
            ("1 of *_sel", {"H": "c"}, True),
            ("1 of s*_a", {"F": "a"}, True),
            ("1 of *e*", {"G": "b"}, True),
            ("all of them", {"F": "a", "G": "b", "H": "c"}, True),
            ("any of them", {"I": "d"}, False),
            ("1 of _*", {"I": "d"}, True),
            ("_h", {"I": "d"}, True),
            ("not not sel_a", {"F": "a"}, True),
            ("not (sel_a and not sel_b)", {"F": "a"}, False),
            ("not sel_a or sel_b", {"F": "a"}, False),
            ("((sel_a) and ((sel_b or x_sel)))", {"F": "a", "H": "c"}, True),
            ("sel_a AND NOT sel_b", {"F": "a"}, True),
            ("1 OF sel_* Or x_sel", {"H": "c"}, True),
            ("ALL of THEM", {"F": "a"}, False),
            ("sel_a  and\n  sel_b", {"F": "a", "G": "b"}, True),
            ("[sel_a, sel_b and x_sel]", {"F": "a"}, True),
            ("[sel_a, sel_b and x_sel]", {"G": "b"}, False),
        ],
    )
    def test_conditions_read_as_written(self, load: Load, condition: str, event: Event, matches: bool) -> None:
        stated = condition if condition.startswith("[") else repr(condition).replace("\\n", " ")
        rules, report = load(
            f"title: T\nlogsource: {{product: test}}\ndetection: {self.TWO.replace('CONDITION', stated)}\n"
        )
        assert report.refused == ()
        assert bool(rules.match(SOURCE, [event])) is matches

    @pytest.mark.parametrize(
        "condition",
        [
            *("2 of them", "all sel_a", "of them", "sel_a sel_b", "sel_a &&  sel_b", "(sel_a", "sel_a)", "not", "1 of"),
            *("[]", "{a: b}", "5", "[5]", "[[sel_a]]", "null", "SEL_A"),
            *("sel_a | near sel_b", "1 of nothing*", "all of nothing*"),
        ],
    )
    def test_a_condition_without_a_meaning_is_refused(self, load: Load, condition: str) -> None:
        stated = condition if condition[0] in "[{5n" and condition != "not" else repr(condition)
        refused(load, f"title: T\nlogsource: {{product: test}}\ndetection: {self.TWO.replace('CONDITION', stated)}\n")

    def test_a_search_called_like_a_word_in_capitals_is_that_search(self, load: Load) -> None:
        rules, report = load(
            "title: T\nlogsource: {product: test}\ndetection: {NOT: {F: a}, b: {G: b}, condition: NOT and b}\n"
        )
        assert report.refused == ()
        assert rules.match(SOURCE, [{"F": "a", "G": "b"}])


class TestRuleCollections:
    def test_global_is_laid_under_every_rule_until_reset(self, load: Load) -> None:
        rules, report = load(
            "action: global\nlogsource: {product: test}\nlevel: low\n---\n"
            "title: A\ndetection: {s: {F: a}, condition: s}\n---\naction: reset\n---\n"
            "title: B\nlogsource: {product: test}\ndetection: {s: {F: b}, condition: s}\n"
        )
        assert report.refused == ()
        assert [(rule.title, rule.level) for rule in rules.rules] == [("A", "low"), ("B", "")]

    def test_repeat_is_the_rule_before_with_something_else(self, load: Load) -> None:
        rules, report = load(RULE + "---\naction: repeat\ntitle: U\ndetection: {s: {F: b}}\n")
        assert report.refused == ()
        assert [rule.title for rule in rules.rules] == ["T", "U"]
        assert [match.rule.title for match in rules.match(SOURCE, [{"F": "a"}, {"F": "b"}])] == ["T", "U"]

    def test_a_correlation_in_a_collection_keeps_its_range(self, load: Load) -> None:
        rules, report = load(
            "action: global\nlogsource: {product: test}\n---\n"
            "title: A\nname: a\ndetection: {s: {F: a}, condition: s}\n---\n"
            "title: C\ncorrelation: {type: event_count, rules: [a], timespan: 1m, condition: {gt: 1, lte: 5}}\n"
        )
        assert report.refused == ()
        assert rules.rules[1].correlation is not None
        assert rules.rules[1].correlation.condition.bounds == (("gt", 1), ("lte", 5))

    def test_a_fault_in_one_costs_no_other(self, load: Load) -> None:
        rules, report = load(
            "action: global\nlogsource: {product: test}\n---\n"
            "title: A\ndetection: {s: {F|nosuch: a}, condition: s}\n---\n"
            "title: B\ndetection: {s: {F: b}, condition: s}\n"
        )
        assert [rule.title for rule in rules.rules] == ["B"]
        assert [(refusal.rule, refusal.line) for refusal in report.refused] == [("A", 5)]
