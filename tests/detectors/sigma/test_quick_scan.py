"""A quick scanner says what a scanner says, before and after it has its database."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.sigma import quick_scan
from detectors.sigma.quick_scan import QuickScanner
from detectors.sigma.scan import Scanner
from detectors.sigma.tree import Text
from tests.detectors.sigma.test_block import patterns, texts

tests_of_one_field = st.lists(patterns.map(lambda pattern: Text("F", pattern)), min_size=1, max_size=6)


@pytest.fixture(autouse=True, scope="module")
def _soon() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quick_scan, "_SHORT", 0)
        patch.setattr(quick_scan, "_PAYS_AFTER", 2)
        patch.setattr(quick_scan, "_LONGEST", 20)
        yield


@settings(max_examples=200, deadline=None)
@given(tests_of_one_field, st.lists(texts, min_size=1, max_size=20))
def test_a_quick_scanner_finds_what_a_scanner_finds(given_tests: list[Text], values: list[str]) -> None:
    numbered = list(enumerate(test for test in given_tests if quick_scan_takes(test)))
    quick, scanner = QuickScanner(numbered), Scanner(numbered)
    for value in values * 2:
        assert quick.look(value) == scanner.look(value)


def quick_scan_takes(test: Text) -> bool:
    return len([part for part in test.pattern if isinstance(part, str)]) == 1
