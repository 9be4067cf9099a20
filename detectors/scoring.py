"""How bad an incident is: a score of 0 to 100 and, from it, one of the four risk levels.

    score = base of the worst rule                     informational 5, low 15, medium 35, high 60, critical 85
          + 5 a further rule of medium level or worse   at most 10
          + 5 for more than one ATT&CK tactic           among those
          + 5 for more than one device                  with such a rule
          + 10 outside working hours                    a rule tagged jikimi.off-hours
          + 25 protected documents read AND written out rules tagged jikimi.leak-read and jikimi.leak-copy

    risk  = very_high from 80, high from 50, medium from 25, low below

The bases lie inside their own level's band, so an incident is never rated below its worst finding. Many findings of low
rules alone never leave "low": a number of harmless things is not a harmful one. Breadth alone lifts an incident by one
level at most: "very high" stays rare enough to be read.
"""

from collections.abc import Iterable
from typing import NamedTuple

from jikimi.domain.risk import RiskLevel

_BASE = {"informational": 5, "low": 15, "medium": 35, "high": 60, "critical": 85}
_LEVEL_KO = {"informational": "참고", "low": "낮음", "medium": "보통", "high": "높음", "critical": "매우 심각"}
_TELLING = {"medium", "high", "critical"}

LEAK_READ = "jikimi.leak-read"
LEAK_COPY = "jikimi.leak-copy"
OFF_HOURS = "jikimi.off-hours"


class Seen(NamedTuple):
    """What an incident holds of one rule: its level, its tags, and the devices it fired on."""

    level: str
    tags: tuple[str, ...]
    devices: frozenset[str]


class Term(NamedTuple):
    """One addend of a score and why, in both languages."""

    points: int
    ko: str
    en: str


def score_terms(rules: Iterable[Seen]) -> list[Term]:
    """The addends, largest first; their sum, cut at 100, is the score. Raises ValueError for no rule at all."""
    rules = list(rules)
    if not rules:
        raise ValueError("an incident has at least one rule")
    worst = max(rules, key=lambda rule: _base(rule.level))
    telling = [rule for rule in rules if rule.level in _TELLING]
    tactics = {tag for rule in telling for tag in rule.tags if _is_tactic(tag)}
    devices = frozenset[str]().union(*(rule.devices for rule in telling))
    tags = {tag for rule in rules for tag in rule.tags}
    terms = [
        Term(_base(worst.level), f"가장 심한 탐지 등급: {_level_ko(worst.level)}", f"worst rule level: {worst.level}"),
        _further(len(telling), 10, "서로 다른 탐지 {n}가지", "{n} different rules"),
        _further(len(tactics), 5, "공격 단계 {n}가지", "{n} stages of an attack"),
        _further(len(devices), 5, "컴퓨터 {n}대", "{n} computers"),
    ]
    if OFF_HOURS in tags:
        terms.append(Term(10, "근무 시간이 아닌 때", "outside working hours"))
    if {LEAK_READ, LEAK_COPY} <= tags:
        terms.append(
            Term(25, "보호 문서를 읽은 뒤 저장장치에 씀", "protected documents read, then written to a device")
        )
    return sorted((term for term in terms if term.points), key=lambda term: -term.points)


def score(terms: Iterable[Term]) -> int:
    """0 to 100."""
    return min(100, sum(term.points for term in terms))


def risk_of_score(points: int) -> RiskLevel:
    """The level whose band `points` lies in."""
    if points >= 80:
        return RiskLevel.very_high
    if points >= 50:
        return RiskLevel.high
    return RiskLevel.medium if points >= 25 else RiskLevel.low


def worse(level: str, other: str) -> bool:
    """True when Sigma level `level` weighs more than `other`."""
    return _base(level) > _base(other)


def _base(level: str) -> int:
    return _BASE.get(level, _BASE["medium"])


def _level_ko(level: str) -> str:
    return _LEVEL_KO.get(level, _LEVEL_KO["medium"])


def _further(count: int, most: int, ko: str, en: str) -> Term:
    return Term(min(most, 5 * max(0, count - 1)), ko.format(n=count), en.format(n=count))


def _is_tactic(tag: str) -> bool:
    """ATT&CK tactic tags are words (`attack.execution`); techniques, groups and software are letter-number codes."""
    name = tag.removeprefix("attack.")
    return tag.startswith("attack.") and not any(character.isdigit() for character in name)
