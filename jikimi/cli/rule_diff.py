"""How `jikimi rules diff` tells what changed, in the rules and in what they find."""

import sys
from collections.abc import Sequence
from typing import Any

import msgspec

from detectors.workshop.backtest import Backtested
from detectors.workshop.compare import Changed, Compared, Named


class FindingsChange(msgspec.Struct, frozen=True):
    """Hits of one rule over the same events, before and after."""

    rule: str
    title: str
    old_hits: int
    new_hits: int


def findings_change(old: Backtested, new: Backtested) -> tuple[FindingsChange, ...]:
    """Rules whose hits differ, the largest difference first."""
    before = {one.rule: one for one in old.rules}
    after = {one.rule: one for one in new.rules}
    changes = [
        FindingsChange(rule, (after.get(rule) or before[rule]).title, _hits(before, rule), _hits(after, rule))
        for rule in before.keys() | after.keys()
    ]
    differing = [one for one in changes if one.old_hits != one.new_hits]
    return tuple(sorted(differing, key=lambda one: (-abs(one.new_hits - one.old_hits), one.title)))


def told(compared: Compared, findings: tuple[FindingsChange, ...] | None, as_json: bool) -> None:
    """One line a rule (or one JSON object) on stdout, the counts on stderr."""
    if as_json:
        whole = msgspec.to_builtins(compared) | (
            {} if findings is None else {"findings": msgspec.to_builtins(findings)}
        )
        print(msgspec.json.encode(whole).decode())
    else:
        _tell(compared, findings)
    print(
        f"{compared.old:,} → {compared.new:,} rules: {len(compared.added)} added, {len(compared.removed)} removed, "
        f"{len(compared.meaning)} changed in meaning, {len(compared.level)} in level, {len(compared.words)} in words, "
        f"{compared.same:,} the same, {len(compared.newly_refused)} newly refused",
        file=sys.stderr,
    )


def _tell(compared: Compared, findings: tuple[FindingsChange, ...] | None) -> None:
    _named("added", compared.added)
    _named("removed", compared.removed)
    for one in compared.meaning:
        print(f"meaning  {_level(one)}  {one.title}  {one.file}")
    for one in compared.level:
        print(f"level    {_level(one)}  {one.title}  {one.file}")
    for one in compared.words:
        print(f"words    {', '.join(one.words)}  {one.title}  {one.file}")
    for refusal in compared.newly_refused:
        print(f"refused  {refusal}")
    for change in findings or ():
        print(f"hits     {change.old_hits:,} → {change.new_hits:,}  {change.title}")
    if findings == ():
        print("hits     the same of every rule")


def _named(what: str, rules: Sequence[Named]) -> None:
    for one in rules:
        print(f"{what:<8} {one.level or '-'}  {one.title}  {one.file}")


def _level(one: Changed) -> str:
    old, new = one.old_level or "-", one.new_level or "-"
    return old if old == new else f"{old} → {new}"


def _hits(side: dict[str, Any], rule: str) -> int:
    return side[rule].hits if rule in side else 0
