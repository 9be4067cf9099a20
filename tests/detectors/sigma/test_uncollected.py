"""No garbage collection while rules are read, and again afterwards, whatever came of it."""

import gc

import pytest

from detectors.sigma.uncollected import uncollected


def test_collections_rest_within_it_and_go_on_after_it_also_after_an_error() -> None:
    with pytest.raises(ValueError, match="odd"), uncollected():
        assert not gc.isenabled()
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
