"""One SMS: always within 80 bytes, level and link whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.euckr import SMS_BODY_BYTES, encoded_length
from alerting.settings import LONGEST_SMS_LINK
from alerting.sms_text import shorten, sms_text
from jikimi.domain.risk import RiskLevel

LINK = "jk.example/k/" + "x" * 22
LONG_LINK = "a" * (LONGEST_SMS_LINK - 25) + "/k/" + "x" * 22
kinds = st.sampled_from(["opened", "raised", "closed"])
languages = st.sampled_from(["ko", "en"])


@given(
    kinds,
    st.sampled_from(RiskLevel),
    st.one_of(st.text(), st.text(alphabet="회계PC-03: 보호문서 214개가 USB로복사됨()…\n똠😀")),
    st.sampled_from([LINK, LONG_LINK]),
    languages,
    st.integers(0, 9999),
)
def test_any_title_fits_with_its_level_and_link(
    kind: str, risk: RiskLevel, title: str, link: str, language: str, others: int
) -> None:
    """Law: at most 80 bytes of EUC-KR, one line, the link whole at the end, the level word whole in front."""
    text = sms_text(kind, risk, title, link, language=language, others=others)
    assert encoded_length(text) <= SMS_BODY_BYTES
    assert text.endswith(" " + link)
    assert "\n" not in text
    level = risk.korean if language == "ko" else risk.english
    assert text.startswith(("[지킴이 ", "[Jikimi "))
    assert kind == "closed" or level in text.partition("]")[0]


def test_a_short_link_leaves_the_sentence_whole() -> None:
    """The example of the house, word for word, but for its verb's ending."""
    text = sms_text(
        "opened", RiskLevel.high, "회계PC-03: USB로 문서 214개 복사 (02:13)", "jk.example/a7Kx2q", language="ko"
    )
    assert text == "[지킴이 높음] 회계PC-03 USB로 문서 214개 복사(02:13) 확인 jk.example/a7Kx2q"


def test_a_korean_sentence_keeps_who_and_its_verb() -> None:
    """The middle goes first: Korean says what happened at the end."""
    text = sms_text("opened", RiskLevel.high, "회계PC-03: 보호 문서 214개가 USB로 복사됨 (02:13)", LINK, language="ko")
    assert text == f"[지킴이 높음] 회계PC-03 …USB로 복사됨 {LINK}"


def test_an_english_sentence_keeps_its_beginning() -> None:
    """Subject and verb stand in front."""
    assert shorten("PC-03 copied 214 files to USB", 16, language="en") == "PC-03 copied…"


def test_bundled_others_are_counted() -> None:
    """The number stays, the subject gives way."""
    text = sms_text("opened", RiskLevel.high, "웹서버 취약점 스캔 1,830회", LINK, language="ko", others=37)
    assert text.endswith(f"외 37건 {LINK}")


def test_a_link_that_leaves_no_room_is_an_error() -> None:
    """Settings refuse it at start; here it cannot pass silently."""
    with pytest.raises(ValueError, match="no room"):
        sms_text("opened", RiskLevel.very_high, "제목", "x" * 70, language="ko")


def test_a_link_is_ascii() -> None:
    """Anything else would be cut or changed on the way."""
    with pytest.raises(ValueError, match="ASCII"):
        sms_text("opened", RiskLevel.high, "제목", "지킴이.example/k/x", language="ko")
