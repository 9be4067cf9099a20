"""Every rule of ours: words for people, tags, and the samples beside it."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from detectors.rule_samples import Sample, run_sample, samples_of
from detectors.sigma.load import load_rules
from detectors.sigma.match import RuleSet
from detectors.sigma.report import LoadReport
from detectors.sigma.rule import Rule
from jikimi.domain.passport import allowing
from jikimi.domain.tenant import Tenant

RULES = Path(__file__).parents[2] / "rules"
FILES = sorted(RULES.rglob("*.yml"))
SAMPLES = [(file, sample) for file in FILES for sample in samples_of(file)]
TENANT = Tenant("tenant-1", "한빛정밀", media=allowing("KNOWN-1", since=datetime(2026, 1, 1, tzinfo=UTC)))
LOADED: tuple[RuleSet, LoadReport] = load_rules([RULES])
FIRING: list[Rule] = [rule for rule in LOADED[0].rules if rule.generates]


def documents(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(file.read_text(encoding="utf-8")))


def test_every_rule_loads_and_sees_some_log_source() -> None:
    assert LOADED[1].refused == ()
    assert LOADED[1].blind == ()


def test_ids_are_unique() -> None:
    ids = [document["id"] for file in FILES for document in documents(file)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("rule", FIRING, ids=lambda rule: rule.title)
class TestFiringRule:
    def test_it_speaks_to_people_in_both_languages(self, rule: Rule) -> None:
        words = rule.jikimi
        assert words["title_ko"]
        assert words["title_en"]
        assert 1 <= len(words["advice_ko"]) <= 3
        assert len(words["advice_ko"]) == len(words["advice_en"])

    def test_its_korean_advice_is_polite(self, rule: Rule) -> None:
        assert all(re.search(r"(십시오|됩니다|습니다)\.$", step) for step in rule.jikimi["advice_ko"])

    def test_it_blames_nobody(self, rule: Rule) -> None:
        assert not re.search(r"유출|범인|훔친 직원", rule.jikimi["title_ko"])

    def test_it_names_a_tactic(self, rule: Rule) -> None:
        assert any(re.fullmatch(r"attack\.[a-z-]+", tag) for tag in rule.tags)

    def test_it_has_a_sample_that_matches_and_one_that_does_not(self, rule: Rule) -> None:
        kinds = {sample.expect for _, sample in SAMPLES if sample.rule == rule.id}
        assert kinds == {"match", "no_match"}


@pytest.mark.parametrize(("file", "sample"), SAMPLES, ids=lambda part: getattr(part, "why", getattr(part, "stem", "")))
def test_a_sample_says_what_its_rule_does(file: Path, sample: Sample) -> None:
    found = [one for one in run_sample(LOADED[0], sample, TENANT) if one.rule_id == sample.rule]
    assert bool(found) is (sample.expect == "match"), f"{file.name}: {sample.why}"
    assert all("?" not in one.title_ko for one in found), found[0].title_ko
