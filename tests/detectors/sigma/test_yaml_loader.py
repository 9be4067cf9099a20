"""Plain values of rules are read as YAML 1.2 reads them."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from detectors.sigma.yaml_loader import Loader


def read(text: str) -> Any:
    return yaml.load(text, Loader)


@pytest.mark.parametrize(
    "text",
    [
        "on",
        "off",
        "yes",
        "No",
        "y",
        "12:30:45",
        "2026-01-02",
        "2026-01-02T03:04:05Z",
        "1_000",
        "0050",
        "010",
        "0o8",
        "=",
    ],
)
def test_what_is_no_number_nor_boolean_of_yaml_1_2_is_text(text: str) -> None:
    assert read(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [("0x10", 16), ("0o17", 15), ("-3", -3), ("0", 0), ("1e3", 1000.0), (".5", 0.5), ("1.", 1.0), ("-1.5E-3", -0.0015)],
)
def test_numbers_are_read_in_the_forms_of_yaml_1_2(text: str, value: float) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("FALSE", False), ("~", None), ("", None), ("Null", None), ("'true'", "true")]
)
def test_booleans_and_null_are_words_of_their_own(text: str, value: object) -> None:
    assert read(text) is value or read(text) == value


@given(st.integers())
def test_every_whole_number_is_read_exactly(number: int) -> None:
    assert read(str(number)) == number


@pytest.mark.parametrize("text", ["!!int abc", "!!int ''", "{a: 1, a: 2}", "{<<: {a: 1}}"])
def test_what_has_no_meaning_is_an_error_of_yaml(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        read(text)


def test_a_key_that_is_neither_text_nor_number_is_refused() -> None:
    with pytest.raises(yaml.YAMLError, match="neither text nor number"):
        read("!!binary aGk=: 1")
