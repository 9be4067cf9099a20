"""A provider's circuit breaker and rate."""

from datetime import timedelta

from alerting.gate import FAULTS_TO_CLOSE, FIRST_PAUSE, LONGEST_PAUSE, Gate
from tests.alerting.conftest import NOW


def broken_gate() -> Gate:
    gate = Gate(per_minute=60)
    for _ in range(FAULTS_TO_CLOSE):
        gate.faulted(NOW)
    return gate


def test_faults_in_a_row_close_it() -> None:
    """And a success in between starts the count anew."""
    gate = Gate(per_minute=60)
    for _ in range(FAULTS_TO_CLOSE - 1):
        gate.faulted(NOW)
    gate.succeeded()
    gate.faulted(NOW)
    assert gate.room(NOW) == 60
    assert broken_gate().room(NOW) == 0


def test_after_the_pause_one_message_tries() -> None:
    """Not the whole queue."""
    gate = broken_gate()
    later = NOW + FIRST_PAUSE
    assert gate.room(later) == 1
    gate.enter(later)
    assert gate.room(later) == 0


def test_its_success_opens_the_gate() -> None:
    """All may go again."""
    gate = broken_gate()
    later = NOW + FIRST_PAUSE
    gate.enter(later)
    gate.succeeded()
    assert gate.room(later) == 59


def test_pauses_double_up_to_ten_minutes() -> None:
    """A provider that stays away is asked ever more rarely."""
    gate = broken_gate()
    now = NOW
    for _ in range(10):
        now = gate.opens_at(now)
        gate.faulted(now)
    assert gate.opens_at(now) - now == LONGEST_PAUSE


def test_the_providers_rate_holds_for_everyone() -> None:
    """The third message of a two-a-minute provider waits for the first to be a minute old."""
    gate = Gate(per_minute=2)
    gate.enter(NOW)
    gate.enter(NOW + timedelta(seconds=10))
    assert gate.opens_at(NOW + timedelta(seconds=20)) == NOW + timedelta(minutes=1)
    assert gate.room(NOW + timedelta(minutes=1)) == 1
