"""Loading: everything usable is used, everything else is named with file, line and reason."""

from pathlib import Path

import msgspec
import pytest

from detectors.sigma import cache
from detectors.sigma.load import load_rules
from detectors.sigma.report import LoadReport
from detectors.sigma.source import sources
from jikimi.domain.logsource import LogSource
from jikimi.errors import Misconfigured
from tests.anyone import as_anyone
from tests.detectors.sigma.conftest import Load, Loaded

RULE = """\
title: {title}
id: {id}
status: test
level: high
tags: [attack.t1059]
logsource: {{product: windows, category: process_creation}}
detection:
  sel:
    CommandLine|contains: evil
  condition: sel
jikimi:
  title_ko: "{{Hostname}}: 나쁜 명령"
"""
ONE = RULE.format(title="One", id="00000000-0000-4000-8000-000000000001")
TWO = RULE.format(title="Two", id="00000000-0000-4000-8000-000000000002")


def test_a_rule_keeps_what_findings_tell_of_it(load: Load) -> None:
    rules, report = load(ONE)
    (rule,) = rules.rules
    assert (rule.id, rule.title, rule.level) == ("00000000-0000-4000-8000-000000000001", "One", "high")
    assert rule.tags == ("attack.t1059",)
    assert rule.logsource == LogSource(product="windows", category="process_creation")
    assert rule.jikimi == {"title_ko": "{Hostname}: 나쁜 명령"}
    assert rule.generates
    assert (report.files, report.loaded, report.refused, report.blind) == (1, 1, (), ())


def test_the_version_changes_with_the_meaning_only(load: Load) -> None:
    version = load(ONE)[0].rules[0].version
    assert load(ONE + "description: better words\n")[0].rules[0].version == version
    assert load(ONE.replace("evil", "vile"))[0].rules[0].version != version


def test_a_refused_rule_costs_no_neighbour(load: Load) -> None:
    rules, report = load(ONE + "---\n" + TWO.replace("|contains", "|nosuch") + "---\n- a list\n")
    assert [rule.title for rule in rules.rules] == ["One"]
    assert [(r.rule, r.line) for r in report.refused] == [("Two", 22), ("", 27)]


@pytest.mark.parametrize(
    "words",
    [
        "advice_en:\n    - Do not delete it: it is evidence.",
        "advice_ko: 하나",
        "title_en: {a: b}",
        "title_en: 5",
        "advice_ko: [1]",
    ],
)
def test_words_for_people_that_are_no_sentences_refuse_the_rule_with_their_line(load: Load, words: str) -> None:
    """Stored in an incident they would stop the detector."""
    rules, report = load(ONE.replace("title_ko", "other") + f"  {words}\n")
    assert rules.rules == ()
    (refused,) = report.refused
    assert words.split(":")[0] in refused.reason
    assert refused.line == len(ONE.splitlines()) + 1


def test_a_file_that_is_no_yaml_is_refused_with_its_line(load: Load) -> None:
    _, report = load("title: a\ndetection: [\n")
    assert report.refused[0].line == 3
    assert "YAML" in report.refused[0].reason


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_bytes(b"title: \xff\xfe")
    _, report = load_rules([tmp_path])
    assert len(report.refused) == 1


@pytest.mark.parametrize("bracket", ["[", "{a: ", "- "])
@pytest.mark.parametrize("depth", [3_000, 300_000])
def test_a_detection_nested_beyond_measure_is_refused(load: Load, bracket: str, depth: int) -> None:
    closing = {"[": "]", "{a: ": "}", "- ": ""}[bracket]
    nested = bracket * depth + "x" + closing * depth
    rules, report = load(f"title: T\nlogsource: {{product: test}}\ndetection:\n  s:\n    {nested}\n  condition: s\n")
    assert not rules.rules
    assert len(report.refused) == 1


def test_a_key_written_twice_is_refused_and_not_lost(load: Load) -> None:
    _, report = load(ONE.replace("    CommandLine|contains: evil\n", "    Image: a\n    Image: b\n"))
    assert "twice" in report.refused[0].reason


def test_the_second_rule_with_an_id_is_refused(load: Load) -> None:
    rules, report = load(ONE + "---\n" + ONE.replace("title: One", "title: Copy"))
    assert len(rules.rules) == 1
    assert "already that of 'One'" in report.refused[0].reason


def test_a_rule_whose_source_nothing_delivers_is_blind(load: Load) -> None:
    rules, report = load(
        ONE.replace("product: windows, category: process_creation", "product: aws, service: cloudtrail")
    )
    assert len(rules.rules) == 1
    assert report.blind[0].logsource == "product=aws service=cloudtrail"


@pytest.mark.parametrize("text", ["timeframe: 5m", "selx: null"])
def test_an_odd_detection_is_refused_or_harmless(load: Load, text: str) -> None:
    rules, report = load(ONE.replace("  condition: sel", f"  {text}\n  condition: sel"))
    assert len(rules.rules) + len(report.refused) == 1


@pytest.mark.parametrize("stated", ["product: []", "category: 0, product: test", "service: {}, product: test"])
def test_a_log_source_that_is_no_text_is_refused(load: Load, stated: str) -> None:
    _, report = load(f"title: T\nlogsource: {{{stated}}}\ndetection: {{a: {{b: c}}, condition: a}}\n")
    assert len(report.refused) == 1
    assert "must be a text" in report.refused[0].reason


def test_a_collection_shares_what_is_global(load: Load) -> None:
    rules, report = load(
        "action: global\nlogsource: {product: test}\nlevel: low\n---\n"
        "title: A\ndetection: {sel: {F: a}, condition: sel}\n---\n"
        "title: B\ndetection: {sel: {F: b}, condition: sel}\n"
    )
    assert not report.refused
    assert [(rule.title, rule.logsource.product) for rule in rules.rules] == [("A", "test"), ("B", "test")]


def test_yml_and_yaml_are_read_below_folders_once_each(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "a.yml").write_text(ONE, encoding="utf-8")
    (tmp_path / "deep" / "b.yaml").write_text(TWO, encoding="utf-8")
    (tmp_path / "c.txt").write_text("not a rule", encoding="utf-8")
    rules, report = load_rules([tmp_path, tmp_path / "deep"])
    assert len(rules.rules) == report.files == 2


def test_a_path_that_is_not_there_stops_at_once(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="does not exist"):
        load_rules([tmp_path / "nosuch"])


def test_a_kept_rule_set_says_the_same_as_the_files(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(ONE + "---\n" + TWO.replace("|contains", "|nosuch"), encoding="utf-8")
    kept = tmp_path / "kept"
    first, first_report = load_rules([tmp_path / "a.yml"], keep_in=kept)
    second, second_report = load_rules([tmp_path / "a.yml"], keep_in=kept)
    assert len(list(kept.iterdir())) == 1
    assert second_report == first_report
    assert msgspec.json.encode(second.rules) == msgspec.json.encode(first.rules)


def test_a_changed_file_is_read_anew_and_a_broken_cache_is_ignored(tmp_path: Path) -> None:
    file, kept = tmp_path / "a.yml", tmp_path / "kept"
    file.write_text(ONE, encoding="utf-8")
    load_rules([file], keep_in=kept)
    next(kept.iterdir()).write_bytes(b"\xc1 no MessagePack")
    assert len(load_rules([file], keep_in=kept)[0].rules) == 1
    file.write_text(TWO, encoding="utf-8")
    assert load_rules([file], keep_in=kept)[0].rules[0].title == "Two"


@pytest.mark.corpus
def test_of_the_public_rules_only_placeholders_are_refused(public_rules: Loaded) -> None:
    rules, report = public_rules
    assert (report.files, report.loaded, len(rules.rules), len(report.refused)) == (3_777, 3_752, 3_752, 25)
    assert [r for r in report.refused if not r.reason.startswith("placeholder")] == []


def test_a_folder_whose_rules_cannot_be_read_stops_the_start_and_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.yml").write_text(ONE, encoding="utf-8")
    (tmp_path / "closed").mkdir(mode=0)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    with as_anyone(), pytest.raises(Misconfigured, match=r"closed cannot be read \(Permission denied\)"):
        load_rules([Path()])


def test_a_file_without_a_rule_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "empty.yml").write_text("# nothing yet\n", encoding="utf-8")
    report = load_rules([tmp_path])[1]
    assert [(Path(r.file).name, r.line, r.reason) for r in report.refused] == [
        ("empty.yml", 1, "there is no rule in this file")
    ]


def test_a_kept_rule_set_is_not_used_by_another_version_of_the_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = tuple(sources([Path(__file__).parents[3] / "rules"]))
    cache.keep(tmp_path, files, cache.Loaded((), LoadReport(0, 0)))
    assert cache.find(tmp_path, files) is not None
    monkeypatch.setattr(cache, "_reader", lambda: b"another version")
    assert cache.find(tmp_path, files) is None


def test_a_broken_link_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "gone.yml").symlink_to(tmp_path / "nosuch.yml")
    (tmp_path / "self.yml").symlink_to(tmp_path / "self.yml")
    assert [Path(r.file).name for r in load_rules([tmp_path])[1].refused] == ["gone.yml", "self.yml"]


def test_a_file_that_only_shares_with_rules_that_are_not_there_is_refused(load: Load) -> None:
    _, report = load("action: global\nlogsource: {product: test}\n---\naction: reset\n")
    assert [r.reason for r in report.refused] == ["there is no rule in this file, only what rules share"]


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        (ONE.encode("utf-16"), 1, "UTF-16"),
        (ONE.encode("utf-16-be"), 1, "UTF-16"),
        (ONE.encode("utf-32"), 1, "UTF-32"),
        (b"title: One\nauthor: \xff\n", 2, "not UTF-8"),
        (b"title: One\n? [a]\n: b\n", 2, "a key is a list or a map"),
        (b"title: One\nlogsource: {product: x}\ndetection:\n  s: !!set {a}\n  condition: s\n", 4, "neither a map"),
        (
            b"title: One\nlogsource: {product: x}\ndetection:\n  s: {F: a}\n  condition: " + b"not " * 20_000 + b"s\n",
            5,
            "nested too deeply",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_words_and_with_its_line(
    tmp_path: Path, data: bytes, line: int, reason: str
) -> None:
    (tmp_path / "a.yml").write_bytes(data)
    (refusal,) = load_rules([tmp_path])[1].refused
    assert reason in refusal.reason
    assert refusal.line == line
