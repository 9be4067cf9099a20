"""Public rules on lines as programs write them: each fires on what it was written for, and is silent on a near miss.

`public_rules_on_logs.txt`: after `== rule`, `+` lines are a log the rule must fire on, `-` lines one it must not.
"""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from collectors.files import Problems, read_events
from detectors.detect import OfflineRun
from detectors.sigma.load import load_rules
from jikimi.testing.corpus import corpus_root


class Case(NamedTuple):
    rule: str
    fires: list[str]
    silent: list[str]


def _cases() -> list[Case]:
    cases: list[Case] = []
    for line in (
        Path(__file__).with_name("public_rules_on_logs.txt").read_text(encoding="utf-8").strip("\n").split("\n")
    ):
        sign, _, rest = line.partition(" ")
        if sign == "==":
            cases.append(Case(rest, [], []))
        else:
            (cases[-1].fires if sign == "+" else cases[-1].silent).append(rest)
    return cases


@cache
def _files() -> dict[str, Path]:
    root = corpus_root()
    return {path.stem: path for path in (root / "sigma").rglob("*.yml")} if root is not None else {}


def _fires(rule: str, lines: list[str], folder: Path) -> bool:
    file = folder / "some.log"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    rules, report = load_rules([_files()[rule]])
    assert report.loaded == 1
    assert report.blind == ()
    run, problems = OfflineRun(rules, datetime.now(UTC)), Problems()
    found = [hit for source, event in read_events(file, problems=problems) for hit in run.feed(source, [event], "")]
    assert (problems.unreadable, problems.unclassified) == (0, 0)
    return bool(found)


@pytest.mark.corpus
@pytest.mark.parametrize("case", _cases(), ids=lambda case: case.rule)
def test_a_public_rule_fires_on_what_it_is_for_and_is_silent_on_a_near_miss(case: Case, tmp_path: Path) -> None:
    if case.rule not in _files():
        pytest.skip("no public rule set beside this checkout")
    assert _fires(case.rule, case.fires, tmp_path)
    assert not _fires(case.rule, case.silent, tmp_path)
