"""Byte counts and characters of Korean SMS."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.euckr import byte_length, cut, encoded_length, to_euckr


@pytest.mark.parametrize(
    ("text", "length"),
    [("", 0), ("jk", 2), ("지킴이", 6), ("지킴이 ▲…", 11), ("[Web발신]", 9)],
)
def test_hangul_counts_two_bytes_and_ascii_one(text: str, length: int) -> None:
    """As on a handset."""
    assert encoded_length(text) == length


def test_a_syllable_outside_ks_x_1001_is_no_character_of_an_sms() -> None:
    """`cp949` would give two bytes and `euc_kr` eight: both are wrong on the handset."""
    assert len("똠".encode("cp949")) == 2
    assert len("똠".encode("euc_kr")) == 8
    assert byte_length("똠") is None
    with pytest.raises(ValueError, match=r"U\+B620"):
        encoded_length("똠방각하")


def test_typographic_signs_become_their_likeness() -> None:
    """Words stay readable when a sign is not in the set."""
    assert to_euckr("PC–03 \N{NO-BREAK SPACE}cafe\N{COMBINING ACUTE ACCENT} 똠 😀") == "PC-03  cafe ? ?"


@given(st.text())
def test_any_text_can_be_made_sendable(text: str) -> None:
    """Law: what `to_euckr` gives is encodable, and one line."""
    made = to_euckr(text)
    encoded_length(made)
    assert "\n" not in made


@given(st.text())
def test_making_sendable_twice_changes_nothing(text: str) -> None:
    """Law: idempotent."""
    assert to_euckr(to_euckr(text)) == to_euckr(text)


@given(st.text(alphabet="가나다abc ", max_size=60), st.integers(0, 40))
def test_a_cut_fits_and_is_a_beginning(text: str, limit: int) -> None:
    """Law: never half a character, never too long, never shorter than needed."""
    kept = cut(text, limit)
    assert text.startswith(kept)
    assert encoded_length(kept) <= limit
    assert kept == text or encoded_length(text[: len(kept) + 1]) > limit
