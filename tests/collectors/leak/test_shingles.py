"""What two texts share is found wherever it stands, however it is spaced, and no row of nothing counts."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.leak import shingles as module
from collectors.leak.shingles import shingles, text_shingles, words_of
from tests.collectors.leak import made

TEXTS = st.text(alphabet=st.sampled_from("가나다라마 bcde 12.漢字かな\n"), max_size=400)


@given(TEXTS, TEXTS, TEXTS)
def test_a_text_inside_another_keeps_all_its_shingles(before: str, inside: str, after: str) -> None:
    assert text_shingles(inside) <= text_shingles(f"{before}\n{inside}\n{after}")


@given(st.lists(st.integers(0, 3), min_size=200, max_size=400))
def test_spaces_inside_korean_change_nothing(gaps: list[int]) -> None:
    syllables = made.text(150, 1).replace(" ", "")
    spaced = "".join(letter + " \n"[:gap] for letter, gap in zip(syllables, gaps, strict=False))
    assert text_shingles(spaced) == text_shingles(syllables[: len(gaps)])


@given(TEXTS)
def test_a_long_text_read_in_stretches_has_the_same_shingles(text: str) -> None:
    stretch, module._STRETCH = module._STRETCH, 17
    try:
        assert text_shingles(text) == shingles(words_of(text))
    finally:
        module._STRETCH = stretch


@pytest.mark.parametrize("letters", ["가나다라마바사아자차카타파하", "abcdefghijklmnop"], ids=["Korean", "English"])
def test_eight_words_give_about_one_shingle(letters: str) -> None:
    dice = random.Random(1)
    text = " ".join("".join(dice.choices(letters, k=3)) for _ in range(8000))
    assert 850 < len(text_shingles(text)) < 1150


def test_chinese_and_japanese_have_shingles() -> None:
    dice = random.Random(2)
    text = "".join(dice.choices([chr(code) for code in range(0x4E00, 0x5E00)], k=2000))
    assert text_shingles(text[500:900]) <= text_shingles(text)
    assert len(text_shingles(text[500:900])) > 15


def test_rows_that_say_nothing_have_none() -> None:
    assert not text_shingles("0 0 0 1 0 0 " * 500)
    assert not text_shingles("가 " * 3000)
    assert not text_shingles("- 1 2 3 4 5 6 7 8 9 " * 200)


def test_letters_composed_or_apart_are_the_same() -> None:
    """macOS stores Hangul as jamo."""
    import unicodedata

    text = made.text(200, 3)
    assert text_shingles(unicodedata.normalize("NFD", text)) == text_shingles(text)
