"""`named_beside`: one rule file is tested with what belongs to it in other files."""

from pathlib import Path

import pytest

from detectors.workshop.beside import named_beside
from detectors.workshop.check import check
from detectors.workshop.samples import run_samples
from tests.detectors.workshop.rule_folder import process_rule, write_rules

FEEDER = "00000000-0000-4000-8000-000000000001"
COUNTED = """\
title: Counted
id: 00000000-0000-4000-8000-00000000000c
correlation: {type: event_count, rules: [NAMED], group-by: [Computer], timespan: 1m, condition: {gte: 2}}
"""
FILTER = """\
title: Not That
logsource: {product: windows, category: process_creation}
filter: {rules: [NAMED], that: {CommandLine|contains: that}, condition: not that}
"""
OUR_RULES = Path(__file__).parents[3] / "rules"


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """`rules/own` with the correlation, to which each test puts what it names."""
    folder = tmp_path / "rules"
    write_rules(folder / "own", counted=COUNTED.replace("NAMED", FEEDER), other=process_rule(2))
    return folder


def test_the_rule_that_a_correlation_names_is_found_in_its_folder_before_the_others(rules: Path) -> None:
    write_rules(rules / "another", feeder=process_rule(1))
    assert [file.parent.name for file in named_beside([rules / "own" / "counted.yml"])] == ["another"]
    write_rules(rules / "own", near=process_rule(1))
    assert named_beside([rules / "own" / "counted.yml"]) == [rules / "own" / "near.yml"]


def test_a_chain_is_followed_to_its_first_rule(rules: Path) -> None:
    chain = COUNTED.replace("NAMED", "00000000-0000-4000-8000-00000000000c").replace("00000000000c\n", "00000000000d\n")
    write_rules(rules / "own", chain=chain, feeder=process_rule(1))
    assert [file.stem for file in named_beside([rules / "own" / "chain.yml"])] == ["counted", "feeder"]


def test_a_filter_brings_its_rule_and_a_rule_its_filters(rules: Path) -> None:
    write_rules(rules / "filters", that=FILTER.replace("NAMED", FEEDER))
    write_rules(rules / "another", feeder=process_rule(1))
    assert [file.stem for file in named_beside([rules / "filters" / "that.yml"])] == ["feeder"]
    assert [file.stem for file in named_beside([rules / "another" / "feeder.yml"])] == ["that"]
    assert [file.stem for file in named_beside([rules / "own" / "counted.yml"])] == ["feeder", "that"]


def test_nothing_is_added_where_everything_was_given_or_nothing_is_found(rules: Path) -> None:
    assert named_beside([rules / "own" / "counted.yml"]) == []
    write_rules(rules / "own", feeder=process_rule(1), broken="title: [")
    assert named_beside([rules]) == []


def test_only_the_files_that_were_asked_about_are_told_of(rules: Path) -> None:
    write_rules(rules / "own", feeder=process_rule(1, field="Comandline"))
    one = rules / "own" / "counted.yml"
    beside = named_beside([one])
    ran, looked_at = run_samples([one], beside=beside), check([one], our_rules=OUR_RULES, beside=beside)
    assert (ran.files, ran.loaded, ran.refused, [rule.title for rule in ran.untested]) == (1, 1, (), ["Counted"])
    assert (looked_at.files, looked_at.loaded, looked_at.refused, looked_at.warnings) == (1, 1, (), ())


def test_samples_beside_a_filter_are_run(rules: Path) -> None:
    write_rules(rules / "filters", that=FILTER.replace("NAMED", FEEDER), feeder=process_rule(1))
    sample = (
        f'{{"rule": "{FEEDER}", "expect": "no_match", "why": "that", "logsource": {{"product": "windows", "category":'
        ' "process_creation"}, "events": [{"@timestamp": "2026-11-22T02:13:00Z", "CommandLine": "evil.exe that"}]}\n'
    )
    (rules / "filters" / "that.samples.ndjson").write_text(sample, encoding="utf-8")
    result = run_samples([rules / "filters"])
    assert (result.passed, result.failed) == (1, 0)
