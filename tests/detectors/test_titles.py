"""The layman's sentence."""

from detectors.titles import fill, sentence, short_name

OURS = {"title_ko": "{Hostname}: 보호 문서 {distinct}개를 읽음", "title_en": "{Hostname}: {distinct} documents read"}


def test_a_rules_own_words_are_filled_with_the_events_values() -> None:
    assert sentence(OURS, (), "회계PC-03", {}, {"distinct": 214})[0] == "회계PC-03: 보호 문서 214개를 읽음"


def test_a_value_that_is_missing_reads_as_a_question_mark() -> None:
    assert fill("{SourceIp} → {DestinationIp}", {"SourceIp": "192.0.2.1"}) == "192.0.2.1 → ?"


def test_a_public_rule_is_described_by_its_most_telling_tactic() -> None:
    korean, english = sentence({}, ("attack.execution", "attack.credential-access", "attack.t1003"), "PC-1", {}, {})
    assert korean == "PC-1: 비밀번호나 계정 정보 탈취 의심"
    assert english == "PC-1: passwords or accounts may be being stolen"


def test_a_rule_without_a_tactic_is_still_a_sentence() -> None:
    assert sentence({}, (), "PC-1", {}, {})[0] == "PC-1: 의심스러운 동작 발견"


def test_a_host_is_called_by_its_own_name_and_an_address_stays_whole() -> None:
    assert short_name("WORKSTATION5.theshire.local") == "WORKSTATION5"
    assert short_name("192.0.2.10") == "192.0.2.10"
    assert short_name("2001:db8::1") == "2001:db8::1"


def test_values_are_inserted_as_text_never_as_templates() -> None:
    assert fill("{User}", {"User": "{Hostname}", "Hostname": "x"}) == "{Hostname}"
