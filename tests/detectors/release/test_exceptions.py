"""Exceptions as Sigma filters: which rules they concern, what they take away, and what the gate refuses."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.release import gate
from detectors.release.exceptions import read_filter
from detectors.sigma.load import load_rules
from detectors.sigma.match import RuleSet
from detectors.sigma.rule import Rule
from jikimi.domain.logsource import LogSource
from jikimi.errors import Misconfigured
from jikimi.testing.batches import NOON
from tests.detectors.release.watch import RULES, TEST

FILTER = """
title: An exception
logsource: {product: test}
filter:
    rules: [shell]
    sel: {User: backup}
    condition: not sel
"""
SAMPLE = {
    "rule": "5a1c0a52-7d8b-4b8f-9d5e-000000000001",
    "expect": "match",
    "why": "kim's shell",
    "logsource": {"product": "test"},
    "events": [{"@timestamp": "2026-11-22T03:00:00.000000Z", "Image": "/bin/sh", "User": "kim"}],
}


@pytest.fixture
def rules(tmp_path: Path) -> RuleSet:
    for name, text in RULES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "shell.samples.ndjson").write_text(json.dumps(SAMPLE))
    return load_rules([tmp_path])[0]


def rule(rules: RuleSet, name: str) -> Rule:
    return next(r for r in rules.rules if name in (r.name, r.id))


class TestWhichRulesAFilterConcerns:
    @pytest.mark.parametrize("named", ["[shell]", "shell", "any", "[]", "['5a1c0a52-7d8b-4b8f-9d5e-000000000001', x]"])
    def test_a_rule_it_names_by_id_or_name_or_any(self, rules: RuleSet, named: str) -> None:
        meant = read_filter(FILTER.replace("[shell]", named), rule(rules, "shell"), rules.by_id)
        assert meant.rules == {"5a1c0a52-7d8b-4b8f-9d5e-000000000001"}

    @pytest.mark.parametrize(
        "change",
        [("[shell]", "[other]"), ("product: test", "product: windows"), ("product: test", "product: test, service: x")],
    )
    def test_another_rule_or_another_log_source_is_refused(self, rules: RuleSet, change: tuple[str, str]) -> None:
        with pytest.raises(Misconfigured, match="does not concern the rule 'A Shell'"):
            read_filter(FILTER.replace(*change), rule(rules, "shell"), rules.by_id)

    @pytest.mark.parametrize("named", ["many", "step", "any"])
    def test_a_correlation_through_the_rules_that_feed_it(self, rules: RuleSet, named: str) -> None:
        meant = read_filter(FILTER.replace("[shell]", named), rule(rules, "many"), rules.by_id)
        assert meant.rules == {"5a1c0a52-7d8b-4b8f-9d5e-000000000003"}


class TestWhatIsTakenAway:
    @pytest.mark.parametrize(
        ("event", "gone"),
        [({"User": "backup"}, True), ({"User": "BACKUP"}, True), ({"User": "kim"}, False), ({}, False)],
    )
    def test_events_for_which_the_condition_does_not_hold(
        self, rules: RuleSet, event: dict[str, str], gone: bool
    ) -> None:
        meant = read_filter(FILTER, rule(rules, "shell"), rules.by_id)
        assert meant.takes_away(TEST, event) is gone

    def test_modifiers_and_selectors_mean_what_they_mean_in_rules(self, rules: RuleSet) -> None:
        text = FILTER.replace("sel: {User: backup}", "sel_a: {User|startswith: ba}\n    sel_b: {Host|re: '^srv[0-9]$'}")
        meant = read_filter(text.replace("not sel", "not all of sel_*"), rule(rules, "shell"), rules.by_id)
        assert meant.takes_away(TEST, {"User": "bart", "Host": "srv1"})
        assert not meant.takes_away(TEST, {"User": "bart", "Host": "srv11"})


class TestTheGate:
    def judge(self, rules: RuleSet, text: str = FILTER, name: str = "shell", **terms: Any) -> gate.Judged:
        asked: dict[str, Any] = {"owner": "kim", "reason": "backup", "expires_at": NOON + timedelta(days=30)} | terms
        return gate.judge(text, rule(rules, name), rules.by_id, now=NOON, **asked)

    def test_a_narrow_exception_passes_and_says_what_was_shown(self, rules: RuleSet) -> None:
        assert self.judge(rules).samples == 1
        assert self.judge(rules, FILTER.replace("[shell]", "other"), "other").samples == 0

    def test_one_that_silences_the_rules_own_sample_is_refused(self, rules: RuleSet) -> None:
        with pytest.raises(Misconfigured, match="own sample: kim's shell"):
            self.judge(rules, FILTER.replace("backup", "[backup, kim]"))

    @pytest.mark.parametrize(
        "change",
        [
            ("{User: backup}", "{User: '*'}"),
            ("{User: backup}", "{User|exists: true}"),
            ("{User: backup}", "{User|re: '.'}"),
            ("condition: not sel", "condition: sel"),
            ("condition: not sel", "condition: sel and not sel"),
        ],
    )
    def test_one_that_takes_away_everything_is_refused(self, rules: RuleSet, change: tuple[str, str]) -> None:
        with pytest.raises(Misconfigured, match="takes away every event"):
            self.judge(rules, FILTER.replace(*change).replace("[shell]", "other"), "other")

    @pytest.mark.parametrize(
        ("terms", "words"),
        [
            ({"owner": " "}, "owner"),
            ({"reason": ""}, "reason"),
            ({"expires_at": NOON}, "expired before it began"),
            ({"expires_at": NOON + timedelta(days=367)}, "a year at most"),
        ],
    )
    def test_one_without_owner_reason_or_a_near_expiry_is_refused(
        self, rules: RuleSet, terms: dict[str, Any], words: str
    ) -> None:
        with pytest.raises(Misconfigured, match=words):
            self.judge(rules, **terms)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "a: [",
            "- x",
            FILTER + "---" + FILTER,
            FILTER.replace("filter:", "detection:"),
            FILTER.replace("    rules: [shell]\n", ""),
            FILTER.replace("not sel", "not nothing"),
            FILTER.replace("not sel", "(" * 5000),
            FILTER.replace("User:", "User|nonsense:"),
            FILTER.replace("{User: backup}", "{User|re: '(a)\\1'}"),
            RULES["shell.yml"],
        ],
    )
    def test_what_is_no_filter_is_refused_in_words(self, rules: RuleSet, text: str) -> None:
        with pytest.raises(Misconfigured, match="filter"):
            self.judge(rules, text)

    @settings(max_examples=60, deadline=None)
    @given(junk=st.text(max_size=80))
    def test_junk_never_does_worse_than_being_refused(self, junk: str) -> None:
        plain = Rule("r", "r", "low", (), LogSource(), "1", "r.yml")
        with pytest.raises(Misconfigured):
            read_filter(junk, plain, {})
