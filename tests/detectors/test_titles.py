"""The layman's sentence."""

from detectors.titles import fill, sentence

OURS = {"title_ko": "{Hostname}: 보호 문서 {distinct}개를 읽음", "title_en": "{Hostname}: {distinct} documents read"}


def test_a_rules_own_words_are_filled_with_the_events_values() -> None:
    assert sentence(OURS, (), "회계PC-03", {}, {"distinct": 214})[0] == "회계PC-03: 보호 문서 214개를 읽음"


def test_a_value_that_is_missing_reads_as_a_question_mark() -> None:
    assert fill("{SourceIp} → {DestinationIp}", {"SourceIp": "192.0.2.1"}) == "192.0.2.1 → ?"


def test_a_public_rule_is_described_by_its_most_telling_tactic() -> None:
    korean, english = sentence({}, ("attack.execution", "attack.credential-access", "attack.t1003"), "PC-1", {}, {})
    assert korean == "PC-1: 비밀번호나 계정 정보를 훔치려는 동작이 발견됨"
    assert english == "PC-1: an attempt to steal passwords or accounts was found"


def test_the_particle_follows_the_last_syllable() -> None:
    assert sentence({}, ("attack.persistence",), "PC-1", {}, {})[0].endswith("설정 변경이 발견됨")


def test_values_are_inserted_as_text_never_as_templates() -> None:
    assert fill("{User}", {"User": "{Hostname}", "Hostname": "x"}) == "{Hostname}"
