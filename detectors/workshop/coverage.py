"""`jikimi rules coverage`: which ATT&CK tactics and techniques the rules speak of, and which of them can see anything.

Tactics of techniques are read from the rules' tags (`tags`). With a copy of MITRE's data (`attack`) its names and
tactics are used, and techniques of which no rule speaks are told.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import msgspec

from detectors.sigma import cache
from detectors.sigma.load import load_rules
from detectors.sigma.rule import Rule
from detectors.workshop.attack import AttackTables, attack_tables
from detectors.workshop.documents import Progress, silent
from detectors.workshop.tags import tactics_of, tactics_of_techniques, techniques_of
from jikimi.errors import Misconfigured

TACTICS = (
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "stealth",
    "defense-impairment",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
)
"""In the order of the matrix. Newer rules part defence evasion into stealth and defence impairment."""


class Technique(msgspec.Struct, frozen=True):
    """`rules` see events of some source here, `blind` ones of none; those of its sub-techniques are not among them."""

    id: str
    rules: int
    blind: int
    titles: tuple[str, ...]
    name: str = ""


class Tactic(msgspec.Struct, frozen=True):
    """`rules` and `blind` carry the tactic's tag, with a technique or without."""

    name: str
    rules: int
    blind: int
    techniques: tuple[Technique, ...]


class Coverage(msgspec.Struct, frozen=True):
    """Rules that alert: `seeing` of `rules` have a source here; `untagged` name neither tactic nor technique."""

    rules: int
    seeing: int
    untagged: int
    techniques: int
    tactics: tuple[Tactic, ...]
    blind_sources: dict[str, int]


def coverage(paths: Sequence[Path], progress: Progress = silent, attack: Path | None = None) -> Coverage:
    """Of the rules at or below `paths`; `attack` is a local copy of MITRE's enterprise-attack.json.

    Raises Misconfigured when there is no rule that can be used, or when the copy is none.
    """
    progress("loading", 0, 0)
    rule_set, report = load_rules(paths, keep_in=cache.folder())
    if not report.loaded:
        raise Misconfigured(f"no rule in {', '.join(map(str, paths))} can be used; `jikimi rules check` says why")
    blind = {(one.rule, one.file) for one in report.blind}
    with attack_tables(attack) if attack else nullcontext() as tables:
        return coverage_of(rule_set.rules, lambda rule: (rule.title, rule.file) in blind, tables)


def coverage_of(
    rules: Iterable[Rule], is_blind: Callable[[Rule], bool], tables: AttackTables | None = None
) -> Coverage:
    """The matrix of these rules; those that only feed a correlation do not alert and are left out."""
    alerting = [rule for rule in rules if rule.generates]
    blind = {rule.id for rule in alerting if is_blind(rule)}
    serves = tactics_of_techniques(alerting) | (tables.tactics if tables else {})
    tactics = [_tactic(name, alerting, blind, serves, tables) for name in (*TACTICS, *_others(alerting))]
    return Coverage(
        rules=len(alerting),
        seeing=len(alerting) - len(blind),
        untagged=sum(not tactics_of(rule) and not techniques_of(rule) for rule in alerting),
        techniques=len({one for rule in alerting for one in techniques_of(rule)}),
        tactics=tuple(tactic for tactic in tactics if tactic.rules or tactic.blind or tactic.techniques),
        blind_sources=dict(Counter(str(rule.logsource) for rule in alerting if rule.id in blind).most_common()),
    )


def _others(rules: Iterable[Rule]) -> list[str]:
    """Tactics of other matrices (ICS, mobile) or none at all, after the known ones."""
    return sorted({name for rule in rules for name in tactics_of(rule)} - set(TACTICS))


def _tactic(
    name: str,
    rules: Sequence[Rule],
    blind: set[str],
    serves: Mapping[str, tuple[str, ...]],
    tables: AttackTables | None,
) -> Tactic:
    tagged = [rule for rule in rules if name in tactics_of(rule)]
    names = tables.names if tables else {}
    of: dict[str, list[Rule]] = {technique: [] for technique in names if name in serves.get(technique, ())}
    for rule in rules:
        for technique in techniques_of(rule):
            if name in (serves.get(technique) or serves.get(technique.partition(".")[0], ())):
                of.setdefault(technique, []).append(rule)
    return Tactic(
        name=name,
        rules=sum(rule.id not in blind for rule in tagged),
        blind=sum(rule.id in blind for rule in tagged),
        techniques=tuple(_technique(each, of[each], blind, names.get(each, "")) for each in sorted(of)),
    )


def _technique(technique: str, rules: Sequence[Rule], blind: set[str], name: str) -> Technique:
    seeing = [rule.title for rule in rules if rule.id not in blind]
    return Technique(technique, len(seeing), len(rules) - len(seeing), tuple(seeing), name)
