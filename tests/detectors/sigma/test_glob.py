"""Wildcard patterns against texts."""

import fnmatch
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.sigma.glob import glob, literal_of
from detectors.sigma.tree import ANY, ONE

parts = st.lists(st.one_of(st.text("ab", min_size=1, max_size=3), st.sampled_from([ANY, ONE])), max_size=7).map(tuple)


@settings(max_examples=500, deadline=None)
@given(parts, st.text("abc\n", max_size=12))
def test_a_pattern_fits_as_its_regular_expression_does(pattern: tuple[str | int, ...], text: str) -> None:
    shell = "".join({ANY: "*", ONE: "?"}.get(part, str(part)) if isinstance(part, int) else part for part in pattern)
    expected = re.match(fnmatch.translate(shell), text) is not None
    assert glob(pattern)(text) is expected
    if expected:
        assert literal_of(pattern) in text


def test_many_stars_stay_linear() -> None:
    stars = tuple(part for _ in range(30) for part in (ANY, "a"))
    assert not glob((*stars, "b"))("a" * 50_000)
