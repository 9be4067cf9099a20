"""`check`: what is refused, what is remarked on, and that nothing a file says can stop it."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.workshop.check import Checked, check
from jikimi.errors import Misconfigured
from jikimi.testing.corpus import corpus_root
from tests.detectors.workshop.attack_copy import write_attack
from tests.detectors.workshop.rule_folder import process_rule, write_rules

OURS = Path(__file__).parents[3] / "rules"


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def checked(folder: Path, attack: Path | None = None) -> Checked:
    return check([folder], our_rules=OURS, attack=attack)


def texts(result: Checked, kind: str) -> list[str]:
    return [remark.text for remark in result.warnings if remark.check == kind]


def test_a_clean_rule_gets_no_remark(tmp_path: Path) -> None:
    result = checked(write_rules(tmp_path / "r", a=process_rule(1)))
    assert (result.files, result.loaded, result.refused, result.warnings, result.blind) == (1, 1, (), (), ())


def test_our_own_rules_load_and_none_misses_a_sample_or_a_field() -> None:
    result = checked(OURS)
    assert result.refused == ()
    assert texts(result, "samples") == []
    assert texts(result, "field") == []


def test_a_refused_rule_is_told_with_file_line_and_reason(tmp_path: Path) -> None:
    folder = write_rules(tmp_path / "r", a=process_rule(1, field="CommandLine|nosuch"), b=process_rule(2))
    result = checked(folder)
    (refusal,) = result.refused
    assert (refusal.rule, refusal.file, refusal.line) == ("Rule 1", str(folder / "a.yml"), 9)
    assert "nosuch" in refusal.reason
    assert result.loaded == 1


@pytest.mark.parametrize(
    ("field", "meant"), [("Comandline", "CommandLine"), ("command_line", "CommandLine"), ("ParentImag", "ParentImage")]
)
def test_a_field_the_log_source_does_not_carry_is_remarked_with_what_may_be_meant(
    tmp_path: Path, field: str, meant: str
) -> None:
    result = checked(write_rules(tmp_path / "r", a=process_rule(1, field=field)))
    (remark,) = [remark for remark in result.warnings if remark.check == "field"]
    assert f"did you mean {meant}?" in remark.text
    assert remark.line == 9


def test_a_field_of_our_own_log_sources_is_known_from_their_documentation(tmp_path: Path) -> None:
    rule = process_rule(1, field="MountPoint").replace(
        "product: windows, category: process_creation", "product: jikimi, category: removable_media"
    )
    result = checked(
        write_rules(tmp_path / "r", a=rule, b=rule.replace("MountPoint", "MountPiont").replace("01\n", "02\n"))
    )
    (text,) = texts(result, "field")
    assert "did you mean MountPoint?" in text


def test_the_same_tests_in_another_order_are_the_same_meaning(tmp_path: Path) -> None:
    folder = write_rules(
        tmp_path / "r",
        a=process_rule(1, "['one.exe', 'two.exe']"),
        b=process_rule(2, "['two.exe', 'one.exe']"),
    )
    (text,) = texts(checked(folder), "duplicate")
    assert "'Rule 1'" in text


def test_an_equal_title_is_remarked_and_an_equal_id_refused(tmp_path: Path) -> None:
    folder = write_rules(
        tmp_path / "r",
        a=process_rule(1, "'one.exe'", title="Same"),
        b=process_rule(2, "'two.exe'", title="Same"),
        c=process_rule(1, "'three.exe'", title="Other"),
    )
    result = checked(folder)
    assert any("title" in text.lower() for text in texts(result, "spec"))
    assert [refusal.rule for refusal in result.refused] == ["Other"]


@pytest.mark.parametrize(
    ("value", "slow"),
    [("'evil'", False), ("'a?b'", True), ("4", True), ("['evil', '-a']", True)],
)
def test_a_rule_without_a_text_to_search_for_is_slow(tmp_path: Path, value: str, slow: bool) -> None:
    result = checked(write_rules(tmp_path / "r", a=process_rule(1, value)))
    assert bool(texts(result, "slow")) is slow


@pytest.mark.parametrize(
    ("pattern", "slow"),
    [("evil.*", False), ("(evil)?", True), ("a|evil", True), (r"\d+\w", True), (r"^C:\\Temp", False)],
)
def test_a_regex_is_searched_for_by_a_text_that_must_stand_in_it(tmp_path: Path, pattern: str, slow: bool) -> None:
    result = checked(write_rules(tmp_path / "r", a=process_rule(1, f"'{pattern}'", field="CommandLine|re")))
    assert bool(texts(result, "slow")) is slow


def test_a_rule_of_ours_without_samples_is_remarked(tmp_path: Path) -> None:
    rule = process_rule(1) + 'jikimi: {title_ko: "가", title_en: "a"}\n'
    assert "match and none with no_match" in texts(checked(write_rules(tmp_path / "r", a=rule)), "samples")[0]


def test_a_rule_whose_log_source_nothing_delivers_is_blind(tmp_path: Path) -> None:
    rule = process_rule(1).replace("product: windows, category: process_creation", "product: nosuch, service: nothing")
    (blind,) = checked(write_rules(tmp_path / "r", a=rule)).blind
    assert (blind.rule, blind.logsource) == ("Rule 1", "product=nosuch service=nothing")


def test_the_specification_s_advice_is_pysigma_s(tmp_path: Path) -> None:
    result = checked(write_rules(tmp_path / "r", a=process_rule(1, tags="nosuch.tag")))
    assert any("nosuch.tag" in text for text in texts(result, "spec"))
    assert result.left_out == ("attacktag", "d3_fendtag")


def test_attack_tags_are_checked_against_a_local_copy_only(tmp_path: Path) -> None:
    copy = write_attack(tmp_path / "attack.json", T1566=("Phishing", "initial-access"))
    folder = write_rules(
        tmp_path / "r", a=process_rule(1, tags="attack.t1566"), b=process_rule(2, "'b.exe'", tags="attack.t9999")
    )
    result = checked(folder, attack=copy)
    assert [remark.rule for remark in result.warnings if "9999" in remark.text] == ["Rule 2"]
    assert result.left_out == ("d3_fendtag",)
    copy.write_text("[]", encoding="utf-8")
    with pytest.raises(Misconfigured, match="not MITRE's"):
        checked(folder, attack=copy)


def test_a_folder_without_a_rule_is_empty(tmp_path: Path) -> None:
    result = checked(write_rules(tmp_path / "r"))
    assert (result.files, result.loaded, result.refused, result.warnings) == (0, 0, (), ())


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_no_file_stops_it(tmp_path: Path, data: bytes) -> None:
    folder = write_rules(tmp_path / "r", good=process_rule(1))
    (folder / "odd.yml").write_bytes(data)
    result = checked(folder)
    assert result.loaded == 1
    assert [refusal.file for refusal in result.refused] == [str(folder / "odd.yml")]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    odd=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("title", "id", "tags", "level", "status", "logsource", "detection", "jikimi", "correlation"), _VALUES
        ),
    )
)
def test_no_rule_of_any_shape_stops_it(tmp_path: Path, odd: dict[str, object]) -> None:
    folder = write_rules(tmp_path / "r", good=process_rule(1), odd=json.dumps(odd))
    assert "Rule 1" not in [refusal.rule for refusal in checked(folder).refused]


@pytest.mark.corpus
def test_the_public_rules_are_checked_and_only_placeholders_refused() -> None:
    root = corpus_root()
    if root is None:
        pytest.skip("no corpus: name one in JIKIMI_CORPUS")
    result = checked(root / "sigma")
    assert result.loaded > 3_700
    assert all("placeholder" in refusal.reason for refusal in result.refused)
    assert texts(result, "field") == []


def test_a_filter_that_reaches_no_rule_is_remarked(tmp_path: Path) -> None:
    text = (
        "title: Idle\nlogsource: {product: windows}\nfilter:\n  rules: [nobody]\n  s: {User: x}\n  condition: not s\n"
    )
    result = checked(write_rules(tmp_path / "r", a=process_rule(1), f=text))
    assert texts(result, "filter") == ["the filter names 'nobody', which is not among the loaded rules"]
    assert [remark.line for remark in result.warnings if remark.check == "filter"] == [4]


@pytest.mark.parametrize("identifier", ["", "id: 08FBC97D-0A2F-491C-AE21-8FFCFD3174E9", "id: my-rule"])
def test_a_rule_is_looked_at_whatever_its_id(tmp_path: Path, identifier: str) -> None:
    lines = [line for line in process_rule(1, field="ComandLine|contains").splitlines() if not line.startswith("id:")]
    result = checked(write_rules(tmp_path / "r", a="\n".join([*lines, identifier])))
    assert ["did you mean CommandLine?" in text for text in texts(result, "field")] == [True]
