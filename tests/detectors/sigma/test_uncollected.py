"""No garbage collection while rules are read, and again afterwards, whatever came of it."""

import gc

import pytest

from detectors.sigma.uncollected import uncollected


def test_collections_rest_within_it() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_collections_go_on_after_an_error() -> None:
    with pytest.raises(ValueError, match="odd"), uncollected():
        raise ValueError("odd")
    assert gc.isenabled()


def test_who_has_turned_them_off_finds_them_off() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
