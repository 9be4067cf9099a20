"""Coverage as one HTML file that needs nothing else: the matrix, its gaps, and what is blind for lack of a source."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from detectors.workshop.coverage import Coverage, Tactic, Technique

TITLES = 25
"""Rules named under a technique; the rest as a number."""

KOREAN = {
    "reconnaissance": "정찰",
    "resource-development": "자원 개발",
    "initial-access": "최초 침투",
    "execution": "실행",
    "persistence": "지속",
    "privilege-escalation": "권한 상승",
    "defense-evasion": "방어 회피",
    "stealth": "은닉",
    "defense-impairment": "방어 무력화",
    "credential-access": "계정 정보 탈취",
    "discovery": "내부 탐색",
    "lateral-movement": "내부 이동",
    "collection": "수집",
    "command-and-control": "명령·제어",
    "exfiltration": "유출",
    "impact": "파괴·방해",
}


class Cell(NamedTuple):
    """A technique with its sub-techniques; `shade` is 0 (none) to 4 (most rules)."""

    head: Technique
    subs: Sequence[Technique]
    rules: int
    blind: int
    shade: int


def page(covered: Coverage, made_at: datetime) -> str:
    """The page's text."""
    environment = Environment(
        loader=PackageLoader("detectors.workshop"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    columns = [(tactic, KOREAN.get(tactic.name, ""), cells(tactic)) for tactic in covered.tactics]
    return environment.get_template("coverage.html.j2").render(
        covered=covered, columns=columns, made_at=made_at, most_titles=TITLES
    )


def cells(tactic: Tactic) -> list[Cell]:
    """Techniques in order, each with its sub-techniques and the rules of all of them."""
    groups: dict[str, list[Technique]] = {}
    for each in tactic.techniques:
        groups.setdefault(each.id.partition(".")[0], []).append(each)
    return [_cell(parent, members) for parent, members in groups.items()]


def _cell(parent: str, members: Sequence[Technique]) -> Cell:
    head = next((each for each in members if each.id == parent), Technique(parent, 0, 0, ()))
    rules, blind = sum(each.rules for each in members), sum(each.blind for each in members)
    shade = sum(rules >= least for least in (1, 4, 12, 40))
    return Cell(head, [each for each in members if each.id != parent], rules, blind, shade)
