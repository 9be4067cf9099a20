"""`compare` tells what changes what is found from what is only said."""

from pathlib import Path

import pytest

from detectors.workshop.compare import Compared, compare, side
from tests.detectors.workshop.rule_folder import process_rule, write_rules

FEEDER = process_rule(1).replace("level: high", "level: high\nname: feeder")
COUNT = """\
title: Many
id: 00000000-0000-4000-8000-00000000000c
level: high
correlation: {type: event_count, rules: [feeder], group-by: [Computer], timespan: 10m, condition: {gte: 3}}
"""


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def compared(folder: Path, old: dict[str, str], new: dict[str, str]) -> Compared:
    return compare(side([write_rules(folder / "old", **old)]), side([write_rules(folder / "new", **new)]))


def test_the_same_set_is_the_same_also_under_another_file_name(tmp_path: Path) -> None:
    found = compared(tmp_path, {"a": process_rule(1)}, {"moved": process_rule(1)})
    assert (found.old, found.new, found.same) == (1, 1, 1)


def test_rules_come_and_go_by_their_id(tmp_path: Path) -> None:
    found = compared(tmp_path, {"a": process_rule(1)}, {"a": process_rule(2)})
    assert [one.title for one in found.added] == ["Rule 2"]
    assert [one.title for one in found.removed] == ["Rule 1"]


def test_what_a_rule_matches_is_its_meaning(tmp_path: Path) -> None:
    found = compared(tmp_path, {"a": process_rule(1)}, {"a": process_rule(1, "other.exe")})
    assert [one.title for one in found.meaning] == ["Rule 1"]
    assert (found.level, found.words, found.same) == ((), (), 0)


def test_another_order_of_the_same_values_is_no_change(tmp_path: Path) -> None:
    found = compared(tmp_path, {"a": process_rule(1, "[one, two]")}, {"a": process_rule(1, "[two, one]")})
    assert found.same == 1


def test_a_level_and_words_are_told_apart_from_meaning(tmp_path: Path) -> None:
    old = {"a": process_rule(1), "b": process_rule(2, "b.exe")}
    new = {
        "a": process_rule(1).replace("level: high", "level: low"),
        "b": process_rule(2, "b.exe", title="Renamed", tags="attack.execution"),
    }
    found = compared(tmp_path, old, new)
    assert [(one.old_level, one.new_level) for one in found.level] == [("high", "low")]
    assert [one.words for one in found.words] == [("tags", "title")]
    assert found.meaning == ()


def test_a_correlation_means_something_else_when_what_feeds_it_does(tmp_path: Path) -> None:
    new = {"a": FEEDER.replace("evil.exe", "other.exe"), "b": COUNT}
    found = compared(tmp_path, {"a": FEEDER, "b": COUNT}, new)
    assert {one.title for one in found.meaning} == {"Rule 1", "Many"}


def test_what_is_refused_only_in_the_new_version_is_told(tmp_path: Path) -> None:
    bad = process_rule(2, field="CommandLine|nosuch")
    found = compared(
        tmp_path, {"old": bad.replace("02\n", "03\n")}, {"a": process_rule(1, field="X|nosuch"), "old": bad}
    )
    assert [one.rule for one in found.newly_refused] == ["Rule 1"]
