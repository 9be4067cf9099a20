"""Placeholders: values given for everybody, or by a company for itself; without values a rule is refused."""

from pathlib import Path

import pytest

from detectors.sigma.load import load_rules
from detectors.sigma.match import RuleSet
from detectors.sigma.placeholders import Placeholders
from detectors.sigma.report import LoadReport
from detectors.sigma.tenant_rules import KEPT, TenantRules
from tests.detectors.sigma.conftest import SOURCE, Loaded

RULE = """\
title: T
id: 00000000-0000-4000-8000-000000000001
logsource: {product: test}
detection:
  sel:
    FIELD: VALUE
  condition: sel
"""


def load(folder: Path, field: str, value: str, given: Placeholders, more: str = "") -> tuple[RuleSet, LoadReport]:
    (folder / "r.yml").write_text(RULE.replace("FIELD", field).replace("VALUE", value) + more, encoding="utf-8")
    return load_rules([folder], placeholders=given)


@pytest.mark.parametrize(
    ("field", "value", "given", "event", "fires"),
    [
        ("F|expand", "'%x%'", {"x": ["a", "b"]}, "B", True),
        ("F|expand", "'%x%'", {"x": ["a", "b"]}, "c", False),
        ("F|expand", "'%x%'", {"x": ["srv*"]}, "srv-1", True),
        ("F|expand", "'%x%'", {"x": ["srv?"]}, "srv", False),
        ("F|expand", "'%x%-%y%'", {"x": ["a"], "y": ["1", "2"]}, "a-2", True),
        ("F|expand", "'%x%-%y%'", {"x": ["a"], "y": ["1", "2"]}, "a-3", False),
        ("F|contains|expand", "'%x%'", {"x": ["mid"]}, "a mid b", True),
        ("F|expand|contains", "'%x%'", {"x": ["mid"]}, "a mid b", True),
        ("F|startswith|expand", "'%x%'", {"x": ["mid"]}, "a mid b", False),
        ("F|expand", "'\\%plain%x%'", {"x": ["v"]}, "%plainv", True),
        ("F|contains|expand", "'\\%plain%x%'", {"x": ["v"]}, "-%plainv-", True),
        ("F|expand", r"'a\\%x%'", {"x": ["v"]}, "a\\v", True),
        ("F|expand", "'50\\%'", {}, "50%", True),
        ("F|expand", "'no placeholder'", {}, "no placeholder", True),
        ("F", "'%x%'", {"x": ["a"]}, "%x%", True),
        ("F", "'%x%'", {"x": ["a"]}, "a", False),
        ("F|expand|windash|contains", "' -%x%'", {"x": ["enc"]}, "p.exe /enc x", True),
        ("F|windash|expand|contains", "' -%x%'", {"x": ["enc"]}, "p.exe –enc x", True),
        ("F|contains|windash|expand", "'-%x% -%x%'", {"x": ["a", "b"]}, "/b –a", True),
        ("F|expand|windash", "'%x%'", {"x": ["-a"]}, "/a", True),
        ("F|expand|windash", "'%x%-a'", {"x": ["tool"]}, "tool/a", False),
        ("F|expand|windash", "'%x%-a'", {"x": ["tool "]}, "tool /a", True),
        ("F|expand|windash", "'-a*%x%'", {"x": ["z"]}, "/a to z", True),
        ("F|windash|expand", "'-a'", {}, "/a", True),
        ("F|cased|windash|expand", "'-%x%'", {"x": ["A"]}, "/a", False),
        ("F|all|expand|contains", "['%x%', '%y%']", {"x": ["a", "b"], "y": ["c"]}, "b c", True),
        ("F|all|expand|contains", "['%x%', '%y%']", {"x": ["a", "b"], "y": ["c"]}, "a b", False),
        ("F|expand|cased", "'%x%'", {"x": ["A"]}, "a", False),
        ("F|re|expand", "'^%x%$'", {"x": ["a.c", "d+"]}, "ddd", True),
    ],
)
def test_a_placeholder_stands_for_any_of_its_values(
    tmp_path: Path, field: str, value: str, given: Placeholders, event: str, fires: bool
) -> None:
    rules, report = load(tmp_path, field, value, given)
    assert report.refused == ()
    assert bool(rules.match(SOURCE, [{"F": event}])) is fires


@pytest.mark.parametrize("given", [{}, {"x": []}, {"X": ["a"]}])
def test_a_placeholder_without_values_refuses_the_rule_at_its_line(tmp_path: Path, given: Placeholders) -> None:
    rules, report = load(tmp_path, "F|expand", "'%x%'", given)
    assert not rules.rules
    (refusal,) = report.refused
    assert (refusal.rule, refusal.line, refusal.reason) == ("T", 6, "placeholder %x% has no values")


def test_values_that_multiply_beyond_measure_refuse_the_rule(tmp_path: Path) -> None:
    _, report = load(tmp_path, "F|expand", "'%x%%y%'", {"x": ["v"] * 1_000, "y": ["v"] * 1_000})
    assert "1000000 values" in report.refused[0].reason


def test_a_company_s_own_values_make_the_rule_usable_for_it_alone(tmp_path: Path) -> None:
    rules, _ = load(tmp_path, "F|expand", "'%x%'", {})
    own = TenantRules(rules.open)
    assert own.of({}) is None
    assert own.of({"other": ("v",)}) is None
    first, second = own.of({"x": ("a",)}), own.of({"x": ("b",)})
    assert first is not None
    assert second is not None
    assert [bool(found.match(SOURCE, [{"F": "b"}])) for found in (first, second)] == [False, True]
    assert first.rules[0].id == second.rules[0].id
    assert own.of({"x": ("a",)}) is first


def test_filters_are_for_a_company_s_own_rules_too(tmp_path: Path) -> None:
    more = (
        "---\ntitle: Not the test machine\nlogsource: {product: test}\n"
        "filter: {rules: any, s: {G: test}, condition: not s}\n"
    )
    rules, _ = load(tmp_path, "F|expand", "'%x%'", {}, more)
    own = TenantRules(rules.open).of({"x": ("a",)})
    assert own is not None
    assert [match.index for match in own.match(SOURCE, [{"F": "a", "G": "test"}, {"F": "a"}])] == [1]


def test_only_the_sets_used_last_are_kept(tmp_path: Path) -> None:
    rules, _ = load(tmp_path, "F|expand", "'%x%'", {})
    own = TenantRules(rules.open)
    first = own.of({"x": ("0",)})
    for n in range(1, KEPT + 1):
        own.of({"x": (str(n),)})
    assert own.of({"x": ("0",)}) is not first


def test_a_kept_rule_set_still_has_its_open_rules_and_knows_other_values(tmp_path: Path) -> None:
    load(tmp_path, "F|expand", "'%x%'", {})
    for _ in range(2):
        rules, _ = load_rules([tmp_path / "r.yml"], keep_in=tmp_path / "kept")
        assert TenantRules(rules.open).of({"x": ("a",)}) is not None
    given, _ = load_rules([tmp_path / "r.yml"], placeholders={"x": ["a"]}, keep_in=tmp_path / "kept")
    assert len(given.rules) == 1


@pytest.mark.corpus
def test_with_values_every_public_rule_loads(public_rules: Loaded, public_folder: Path) -> None:
    bare, report = public_rules
    assert (len(bare.rules), len(report.refused), len(bare.open.rules)) == (3_752, 25, 25)
    names = {part for refusal in report.refused for part in refusal.reason.split() if part.startswith("%")}
    given: dict[str, tuple[str, ...]] = {name.strip("%"): ("value",) for name in names}
    refused = [Path(refusal.file) for refusal in report.refused]
    own = TenantRules(bare.open).of(given)
    while own is not None and len(own.rules) < len(bare.open.rules):  # a rule names its next missing value
        more = _missing(refused, given)
        assert more
        given |= more
        own = TenantRules(bare.open).of(given)
    assert own is not None
    full, report = load_rules([public_folder], placeholders=given)
    assert (len(full.rules), report.refused) == (3_777, ())


def _missing(files: list[Path], given: Placeholders) -> dict[str, tuple[str, ...]]:
    _, report = load_rules(files, placeholders=given)
    return {refusal.reason.split("%")[1]: ("value",) for refusal in report.refused}


def test_a_rule_that_waits_for_values_keeps_numbers_of_any_size_and_keys_that_are_no_text(tmp_path: Path) -> None:
    rules, report = load(tmp_path, "F|expand", "'%x%'", {}, f"1.5: odd\nscope: [{2**80}, .nan]\n")
    assert [refusal.reason for refusal in report.refused] == ["placeholder %x% has no values"]
    (one,) = rules.open.rules
    assert one.document()["1.5"] == "odd"
    assert one.document()["scope"][0] == 2**80


def test_more_dashes_than_windash_takes_refuse_the_rule_also_when_a_value_brings_them(tmp_path: Path) -> None:
    _, report = load(tmp_path, "F|windash|expand", "'-a -b %x%'", {"x": ["-c -d"]})
    assert "it has 4 dashes; windash takes at most 3" in report.refused[0].reason


def test_a_search_named_twice_in_the_condition_is_dashed_both_times(tmp_path: Path) -> None:
    text = RULE.replace("FIELD", "F|windash|expand").replace("VALUE", "'-%x%'")
    text = text.replace("condition: sel", "other: {F: b}\n  condition: sel and other or sel")
    (tmp_path / "r.yml").write_text(text, encoding="utf-8")
    rules, report = load_rules([tmp_path], placeholders={"x": ["a"]})
    assert not report.refused
    assert rules.match(SOURCE, [{"F": "/a"}])
