"""How bad an incident is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.scoring import LEAK_COPY, LEAK_READ, OFF_HOURS, Seen, risk_of_score, score, score_terms
from jikimi.domain.risk import RiskLevel, risk_of_level

LEVELS = ["informational", "low", "medium", "high", "critical"]
TAGS = ["attack.execution", "attack.impact", "attack.t1059", "jikimi.off-hours", "jikimi.leak-read"]

rules = st.builds(
    Seen,
    level=st.sampled_from(LEVELS),
    tags=st.lists(st.sampled_from(TAGS), max_size=3).map(tuple),
    devices=st.frozensets(st.sampled_from(["a", "b", "c"]), min_size=1),
)


def risk(*seen: Seen) -> RiskLevel:
    return risk_of_score(score(score_terms(seen)))


def seen(level: str, *tags: str, device: str = "pc") -> Seen:
    return Seen(level, tags, frozenset({device}))


@given(st.lists(rules, min_size=1, max_size=8))
def test_an_incident_is_never_rated_below_its_worst_finding(held: list[Seen]) -> None:
    assert risk(*held) >= max(risk_of_level(rule.level) for rule in held)


@pytest.mark.parametrize("level", LEVELS)
def test_a_korean_term_has_no_english_word(level: str) -> None:
    assert not any(character.isascii() and character.isalpha() for character in score_terms([seen(level)])[0].ko)


@given(st.lists(rules, min_size=1, max_size=8), rules)
def test_a_further_rule_never_lowers_the_score(held: list[Seen], more: Seen) -> None:
    assert score(score_terms([*held, more])) >= score(score_terms(held))


@given(st.lists(rules, min_size=1, max_size=8))
def test_terms_come_largest_first_and_none_is_empty(held: list[Seen]) -> None:
    points = [term.points for term in score_terms(held)]
    assert points == sorted(points, reverse=True)
    assert 0 not in points


def test_many_low_rules_stay_low() -> None:
    assert risk(*(seen("low", f"attack.t{n}", device=f"pc{n}") for n in range(30))) is RiskLevel.low


@pytest.mark.parametrize(("level", "expected"), list(zip(LEVELS, [1, 1, 2, 3, 4], strict=True)))
def test_one_rule_alone_is_rated_by_its_level(level: str, expected: int) -> None:
    assert risk(seen(level)) == expected


def test_reading_protected_documents_and_writing_them_out_weighs_more_than_either() -> None:
    read, copied = seen("medium", LEAK_READ), seen("high", LEAK_COPY)
    assert risk(read) is RiskLevel.medium
    assert risk(copied) is RiskLevel.high
    assert risk(read, copied) is RiskLevel.very_high


def test_breadth_on_one_computer_does_not_make_a_high_incident_very_high() -> None:
    tags = ("attack.execution", "attack.persistence", "attack.discovery", "attack.impact")
    assert risk(*(seen("high", tag) for tag in tags * 3)) is RiskLevel.high


def test_an_attack_that_spreads_to_another_computer_is_very_high() -> None:
    held = [seen("high", "attack.execution"), seen("high", "attack.persistence"), seen("high", device="pc2")]
    assert risk(*held) is RiskLevel.very_high


def test_off_hours_adds_ten_points_once() -> None:
    alone = score(score_terms([seen("medium")]))
    assert score(score_terms([seen("medium", OFF_HOURS)])) == alone + 10


def test_techniques_are_not_counted_as_tactics() -> None:
    assert score(score_terms([seen("high", "attack.t1003", "attack.g0007", "attack.execution")])) == 60


def test_no_rule_at_all_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one rule"):
        score_terms([])
