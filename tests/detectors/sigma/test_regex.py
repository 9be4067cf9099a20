"""The literal a regular expression needs: it may be missed, never invented."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.sigma.regex import compile_regex
from detectors.sigma.regex_texts import necessary_literal


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        ("abc", "abc"),
        ("ab.cde", "cde"),
        ("a|bcd", ""),
        ("ab(cde|f)gh", "ab"),
        ("abc?de", "ab"),
        ("abc*def", "def"),
        ("abc+d", "abc"),
        ("abc{2,3}d", "abc"),
        ("[abc]def", "def"),
        (r"a\.b\\c", r"a.b\c"),
        (r"\x41bcd", ""),
        (r"\dabc\w", "abc"),
        ("(?i)powershell", "powershell"),
        ("[]a]bc", "bc"),
        ("[^]a]bc", "bc"),
        ("[[:alpha:]]bc", "bc"),
        ("^abc$", "abc"),
        ("(a(b)c)d", "a"),
        (r"(a\)b)cd", "a)b"),
        ("", ""),
    ],
)
def test_the_longest_sure_literal_is_found(pattern: str, literal: str) -> None:
    assert necessary_literal(pattern) == literal


atoms = st.sampled_from(["a", "b", "É", ".", "[ab]", "[^a]", r"\.", r"\d", r"\w", "^", "$", "(?:a)", "(?:ab|b)", "ab"])
quantified = st.tuples(atoms, st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{0,2}", "+?"])).map(
    lambda pair: pair[0] if pair[0] in "^$" else "".join(pair)
)
sequences = st.lists(quantified, min_size=1, max_size=5).map("".join)
patterns = st.lists(sequences, min_size=1, max_size=2).map("|".join)


@settings(max_examples=400, deadline=None)
@given(patterns, st.text("abBÉé.1 ", max_size=10), st.booleans())
def test_every_text_that_matches_contains_the_literal(pattern: str, text: str, any_case: bool) -> None:
    written = f"(?i){pattern}" if any_case else pattern
    if re.search(written, text):
        assert necessary_literal(written).casefold() in text.casefold()


@pytest.mark.parametrize("pattern", ["(?=a)", r"(a)\1", "(?<!a)b", "(", "a{99999}"])
def test_a_pattern_outside_linear_time_raises_with_the_reason(pattern: str) -> None:
    with pytest.raises(ValueError, match="linear time"):
        compile_regex(pattern)


def test_an_expression_that_explodes_elsewhere_is_answered_in_linear_time() -> None:
    assert compile_regex("(a*)*b").search("a" * 200_000) is None


ENDS = [
    "a$",
    "^a$",
    "a$|b",
    "(a|b$)",
    r"a\$",
    "[$]",
    "[^$]$",
    "[]$]",
    r"[\]$]a",
    "(?i)A$",
    "(?m)^a$",
    "(?s).$",
    "$",
    "^$",
    "$$",
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ENDS), st.text("aAb$]\n", max_size=4))
def test_a_dollar_sign_is_the_end_as_in_pcre(pattern: str, text: str) -> None:
    """Python's `$` is PCRE's: the end, and before a newline that ends the text."""
    assert bool(compile_regex(pattern).search(text)) is bool(re.search(pattern, text))
