"""`coverage`: the matrix is what the rules' tags say, with the blind ones apart."""

import re
from pathlib import Path

import pytest

from detectors.workshop.coverage import Coverage, Technique, coverage
from detectors.workshop.coverage_page import page
from detectors.workshop.navigator import layer
from jikimi.errors import Misconfigured
from jikimi.testing.batches import NOON
from jikimi.testing.corpus import corpus_root
from tests.detectors.workshop.attack_copy import write_attack
from tests.detectors.workshop.rule_folder import process_rule, write_rules


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def covered(folder: Path, *tags: str, blind: tuple[int, ...] = (), attack: Path | None = None) -> Coverage:
    """A rule for each string of tags; those with the numbers in `blind` see nothing."""
    rules = {}
    for number, each in enumerate(tags):
        text = process_rule(number, tags=each)
        rules[f"r{number}"] = text.replace("product: windows", "product: nowhere") if number in blind else text
    return coverage([write_rules(folder / "r", **rules)], attack=attack)


def matrix(found: Coverage) -> dict[str, list[str]]:
    return {tactic.name: [each.id for each in tactic.techniques] for tactic in found.tactics}


def test_a_technique_stands_under_the_tactic_that_is_alone_beside_it(tmp_path: Path) -> None:
    found = covered(
        tmp_path,
        "attack.execution, attack.t1059.001",
        "attack.execution, attack.impact, attack.t1059, attack.t1486",
        "attack.impact, attack.t1486",
    )
    assert matrix(found) == {"execution": ["T1059", "T1059.001"], "impact": ["T1486"]}
    assert [(tactic.name, tactic.rules) for tactic in found.tactics] == [("execution", 2), ("impact", 2)]


def test_without_such_a_rule_it_stands_under_those_most_often_beside_it(tmp_path: Path) -> None:
    both = "attack.persistence, attack.privilege-escalation, attack.t1547"
    stray = "attack.persistence, attack.privilege-escalation, attack.impact, attack.t1547"
    found = matrix(covered(tmp_path, both, both, stray))
    assert found == {"persistence": ["T1547"], "privilege-escalation": ["T1547"], "impact": []}


def test_blind_rules_are_counted_apart(tmp_path: Path) -> None:
    tags = "attack.execution, attack.t1059"
    found = covered(tmp_path, tags, tags, "attack.t1059", blind=(1,))
    assert (found.rules, found.seeing, found.untagged) == (3, 2, 0)
    assert found.tactics[0].techniques == (Technique("T1059", 2, 1, ("Rule 0", "Rule 2")),)
    assert found.blind_sources == {"product=nowhere category=process_creation": 1}


def test_a_rule_without_tags_is_untagged_and_groups_are_no_tactics(tmp_path: Path) -> None:
    found = covered(tmp_path, "", "attack.g0016, attack.s0002, attack.execution, attack.ds0005")
    assert (found.untagged, matrix(found)) == (1, {"execution": []})


def test_mitre_s_data_brings_names_and_gaps(tmp_path: Path) -> None:
    copy = write_attack(tmp_path / "a.json", T1059=("Interpreter", "execution"), T1204=("User Execution", "execution"))
    (tactic,) = covered(tmp_path, "attack.execution, attack.t1059", attack=copy).tactics
    assert [(each.id, each.name, each.rules) for each in tactic.techniques] == [
        ("T1059", "Interpreter", 1),
        ("T1204", "User Execution", 0),
    ]


def test_no_usable_rule_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="rules check"):
        coverage([write_rules(tmp_path, a="title: [")])


def test_the_layer_scores_each_technique_once_by_its_rules(tmp_path: Path) -> None:
    tags = "attack.persistence, attack.privilege-escalation, attack.t1547"
    told = layer(covered(tmp_path, tags, tags, "attack.impact, attack.t1486", blind=(2,)), "ours")
    assert [(one["techniqueID"], one["score"]) for one in told["techniques"]] == [("T1486", 0), ("T1547", 2)]
    assert (told["domain"], told["versions"]["layer"]) == ("enterprise-attack", "4.5")
    assert "color" in told["techniques"][0]


def test_the_page_needs_nothing_else_and_trusts_no_title(tmp_path: Path) -> None:
    rule = process_rule(1, tags="attack.execution, attack.t1059", title="<script>alert(1)</script>")
    text = page(coverage([write_rules(tmp_path / "r", a=rule)]), NOON)
    assert not re.search(r"<script|<link|src=|url\(", text)
    assert "&lt;script&gt;" in text
    assert "techniques/T1059/" in text


@pytest.mark.corpus
def test_the_public_rules_fill_the_matrix() -> None:
    root = corpus_root()
    if root is None:
        pytest.skip("no corpus: name one in JIKIMI_CORPUS")
    found = coverage([root / "sigma"])
    of = {tactic.name: {each.id for each in tactic.techniques} for tactic in found.tactics}
    assert "T1059.001" in of["execution"]
    assert "T1003.001" in of["credential-access"]
    assert "T1486" in of["impact"]
    assert "T1486" not in of["execution"]
    assert found.rules - found.seeing == sum(found.blind_sources.values())
