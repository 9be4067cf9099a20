"""Whom the centre misses."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from jikimi.domain.silence import Heard, is_back, is_missed
from jikimi.domain.tenant import Tenant

COMPANY = Tenant("t1", "한빛정밀")
NOON = datetime(2026, 11, 23, 3, tzinfo=UTC)
"""Of a Monday in Seoul."""
EVENING = NOON + timedelta(hours=9)
LONG_AGO = NOON - timedelta(days=30)
PC = Heard("a1", "t1", "d1", "영업PC-02", NOON)
SERVER = msgspec.structs.replace(PC, always_on=True)
SAID_SO = msgspec.structs.replace(PC, stopped=True)


@pytest.mark.parametrize(
    ("one", "last", "minutes", "missed"),
    [
        (SERVER, NOON, 4, False),
        (SERVER, NOON, 5, True),
        (SERVER, EVENING, 5, True),
        (msgspec.structs.replace(SERVER, stopped=True), NOON, 5, True),
        (PC, NOON, 29, False),
        (PC, NOON, 30, True),
        (SAID_SO, NOON, 600, False),
        (PC, EVENING, 31, False),
        (PC, EVENING, 14 * 60, False),
        (PC, NOON + timedelta(hours=7, minutes=45), 31, False),
    ],
)
def test_who_is_missed(one: Heard, last: datetime, minutes: int, missed: bool) -> None:
    """A server at any hour; a PC that fell silent at work without a word; nobody in the evening."""
    heard = msgspec.structs.replace(one, last=last)
    assert is_missed(heard, COMPANY, last + timedelta(minutes=minutes), LONG_AGO) is missed


def test_a_centre_that_was_down_has_missed_nobody_yet() -> None:
    later = NOON + timedelta(hours=2)
    assert not is_missed(SERVER, COMPANY, later + timedelta(minutes=4), later)
    assert is_missed(SERVER, COMPANY, later + timedelta(minutes=5), later)


def test_who_was_told_as_silent_is_back_with_the_next_sign() -> None:
    told = msgspec.structs.replace(PC, told_since=NOON)
    assert not is_back(PC)
    assert not is_back(told)
    assert is_back(msgspec.structs.replace(told, last=NOON + timedelta(seconds=1)))
