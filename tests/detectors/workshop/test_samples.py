"""`run_samples`: each sample beside a rule is run and told of, whatever is written there."""

import json
from pathlib import Path
from typing import Any

import pytest

from detectors.workshop.samples import SampleRun, run_samples
from tests.detectors.workshop.rule_folder import process_rule, write_rules

ID = "00000000-0000-4000-8000-000000000001"
EVENT = {"@timestamp": "2026-11-22T02:13:00.000000Z", "CommandLine": "evil.exe --now"}


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def sample(expect: str = "match", events: Any = (EVENT,), rule: str = ID) -> dict[str, Any]:
    source = {"product": "windows", "category": "process_creation"}
    return {"rule": rule, "expect": expect, "why": "as it is", "logsource": source, "events": events}


def run(folder: Path, *samples: Any) -> SampleRun:
    """The samples, as objects or as raw lines, beside one rule that looks for evil.exe."""
    write_rules(folder, a=process_rule(1))
    lines = [one if isinstance(one, str) else json.dumps(one) for one in samples]
    (folder / "a.samples.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return run_samples([folder])


def test_our_own_rules_fulfil_their_samples() -> None:
    result = run_samples([Path(__file__).parents[3] / "rules"])
    assert [one for one in result.results if not one.passed] == []
    assert (result.failed, result.untested, result.refused) == (0, (), ())
    assert result.passed > 40


def test_a_sample_that_is_not_fulfilled_fails_with_its_line(tmp_path: Path) -> None:
    harmless = {**EVENT, "CommandLine": "notepad"}
    result = run(tmp_path, sample(), sample("no_match", [harmless]), sample("no_match"), sample("match", [harmless]))
    assert (result.passed, result.failed) == (2, 2)
    assert [one.line for one in result.results if not one.passed] == [3, 4]
    assert "fires" in result.results[2].problem
    assert "silent" in result.results[3].problem


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (sample(events=[]), "cannot be run"),
        (sample(events=[{"CommandLine": "evil.exe"}]), "cannot be run"),
        (sample(events=[{**EVENT, "$repeat": "many"}]), "cannot be run"),
        (sample(events=[{**EVENT, "$logsource": 1}]), "cannot be run"),
        (sample(rule="nobody"), "no rule with the id nobody"),
        ("not json", "a.samples.ndjson:1: not a sample"),
        (sample("perhaps"), "not a sample"),
    ],
)
def test_a_sample_that_cannot_be_run_fails_in_words(tmp_path: Path, odd: Any, words: str) -> None:
    (one,) = run(tmp_path, odd).results
    assert words in one.problem


def test_a_rule_without_samples_is_told_with_what_it_lacks(tmp_path: Path) -> None:
    (one,) = run(tmp_path, sample()).untested
    assert (one.title, one.missing) == ("Rule 1", ("no_match",))
