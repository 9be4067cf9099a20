"""What waits for its template is bounded, and whatever is given up is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.network_devices import waiting
from collectors.network_devices.waiting import PATIENCE, Key, Source, Waiting


def _keep(held: Waiting, exporter: str, template: int = 256, body: bytes = b"x", now: float = 0.0) -> Key:
    key = (exporter, 9, 0, template)
    held.keep(key, Source(9, exporter, 0, 1, 1), body, now)
    return key


def test_sets_come_back_in_order_when_their_template_is_there_and_only_once() -> None:
    held = Waiting()
    key = _keep(held, "192.0.2.1", body=b"1")
    _keep(held, "192.0.2.1", body=b"2")
    _keep(held, "192.0.2.1", 257)
    assert [body for _, body in held.take(key)] == [b"1", b"2"]
    assert held.take(key) == []
    assert held.by_exporter() == {"192.0.2.1": 1}


def test_one_exporter_has_its_share_and_pushes_out_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "OF_ONE", 1000)
    held = Waiting()
    _keep(held, "192.0.2.1")
    for _ in range(100):
        _keep(held, "192.0.2.2")
    assert held.by_exporter() == {"192.0.2.1": 1, "192.0.2.2": 3}
    assert held.given_up(0.0) == {"192.0.2.2": 97}
    assert held.given_up(0.0) == {}


def test_of_many_exporters_those_that_waited_longest_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MOST_BYTES", 1000)
    held = Waiting()
    for n in range(1, 6):
        _keep(held, f"192.0.2.{n}")
    assert held.by_exporter() == {"192.0.2.3": 1, "192.0.2.4": 1, "192.0.2.5": 1}
    assert held.given_up(0.0) == {"192.0.2.1": 1, "192.0.2.2": 1}


def test_what_waited_too_long_is_given_up() -> None:
    held = Waiting()
    _keep(held, "192.0.2.1", now=0.0)
    _keep(held, "192.0.2.2", now=60.0)
    assert held.given_up(PATIENCE + 1) == {"192.0.2.1": 1}
    assert held.given_up(float("inf")) == {"192.0.2.2": 1}


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(256, 258), st.binary(max_size=600), st.booleans()), max_size=60
    )
)
def test_every_set_is_taken_given_up_or_waits(steps: list[tuple[str, int, bytes, bool]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waiting, "MOST_BYTES", 4000)
        patch.setattr(waiting, "OF_ONE", 2000)
        held, taken = Waiting(), 0
        for now, (exporter, template, body, take) in enumerate(steps):
            key = _keep(held, exporter, template, body, float(now))
            taken += len(held.take(key)) if take else 0
        waits = held.by_exporter().total()
        assert taken + waits + held.given_up(0.0).total() == len(steps)
        assert held.given_up(float("inf")).total() == waits
