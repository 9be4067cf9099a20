"""The texts a regular expression needs: they may be missed, never invented."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.sigma.regex import compile_regex
from detectors.sigma.regex_texts import necessary_texts


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("abc", ["abc"]),
        ("ab.cde", ["ab", "cde"]),
        ("a|bcd", ["a|bcd"]),
        ("a|b*", []),
        ("ab(cde|f)gh", ["ab", "cde|f", "gh"]),
        ("abc?de", ["ab", "de"]),
        ("abc*def", ["ab", "def"]),
        ("abc+d", ["abc", "d"]),
        ("abc{2,3}d", ["abcc", "d"]),
        ("abc{2}d", ["abccd"]),
        ("ab{0}c", ["a", "c"]),
        ("a{,3}", ["a{,3}"]),
        ("[abc]def", ["adef|bdef|cdef"]),
        ("[ab]{2}c", ["aac|abc|bac|bbc"]),
        ("[abc]{2}d", ["d"]),
        ("[a-c]def", ["def"]),
        (r"[a\d]def", ["def"]),
        (r"a\.b\\c", [r"a.b\c"]),
        (r"\n\t", ["\n\t"]),
        (r"\x41bcd", []),
        (r"\dabc\w", ["abc"]),
        ("(?i)powershell", ["powershell"]),
        ("[]a]bc", ["]bc|abc"]),
        ("[^]a]bc", ["bc"]),
        ("[[:alpha:]]bc", ["bc"]),
        ("^abc$", ["abc"]),
        ("(a(b)c)d", ["a", "b", "c", "d"]),
        (r"(a\)b)cd", ["a)b", "cd"]),
        ("", []),
    ],
)
def test_the_texts_that_are_sure_are_found(pattern: str, texts: list[str]) -> None:
    assert ["|".join(sorted(one)) for one in necessary_texts(pattern)] == texts


atoms = st.sampled_from(
    ["a", "b", "É", ".", "[ab]", "[^a]", "[.1 b]", r"\.", r"\d", r"\w", "^", "$", "(?:a)", "(?:ab|b)", "ab"]
)
quantified = st.tuples(atoms, st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{0,2}", "{1,2}", "{0}", "+?"])).map(
    lambda pair: pair[0] if pair[0] in "^$" else "".join(pair)
)
sequences = st.lists(quantified, min_size=1, max_size=5).map("".join)
patterns = st.lists(sequences, min_size=1, max_size=2).map("|".join)


@settings(max_examples=400, deadline=None)
@given(patterns, st.text("abBÉé.1 ", max_size=10), st.booleans())
def test_every_text_that_matches_contains_one_of_each(pattern: str, text: str, any_case: bool) -> None:
    written = f"(?i){pattern}" if any_case else pattern
    if re.search(written, text):
        folded = text.casefold()
        assert all(any(one.casefold() in folded for one in texts) for texts in necessary_texts(written))


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
