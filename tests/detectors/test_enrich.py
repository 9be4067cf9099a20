"""What the company's settings add to an event."""

from datetime import UTC, datetime, timedelta

import pytest

from detectors.enrich import enrich
from jikimi.domain.event import TIMESTAMP, format_time
from jikimi.domain.logsource import FILE_ACCESS, NETWORK_FLOW, REMOVABLE_MEDIA
from jikimi.domain.passport import allowing
from jikimi.domain.tenant import Tenant

NOON = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)  # Monday 12:00 in Seoul
TENANT = Tenant("t", "한빛정밀", media=allowing("S-1", since=NOON - timedelta(days=1)))


def at(moment: datetime, **more: object) -> dict[str, object]:
    return {TIMESTAMP: format_time(moment)} | more


@pytest.mark.parametrize(
    ("moment", "off"),
    [(NOON, False), (NOON + timedelta(hours=14), True), (NOON - timedelta(days=1), True)],
    ids=["monday noon", "monday night", "sunday noon"],
)
def test_off_hours_is_judged_on_the_companys_own_clock(moment: datetime, off: bool) -> None:
    assert enrich(at(moment), FILE_ACCESS, TENANT, moment)["OffHours"] is off


def test_media_is_known_only_by_its_serial_in_the_register() -> None:
    assert enrich(at(NOON, Serial="S-1"), REMOVABLE_MEDIA, TENANT, NOON)["KnownMedia"] is True
    assert enrich(at(NOON, Serial="S-2"), REMOVABLE_MEDIA, TENANT, NOON)["KnownMedia"] is False
    assert enrich(at(NOON), REMOVABLE_MEDIA, TENANT, NOON)["KnownMedia"] is False


def test_a_company_without_a_register_gets_no_verdict_on_media() -> None:
    assert "KnownMedia" not in enrich(at(NOON, Serial="S-2"), REMOVABLE_MEDIA, Tenant("t", "n"), NOON)


def test_a_clock_that_runs_ahead_is_clamped_to_two_minutes_after_receipt() -> None:
    event = enrich(at(NOON + timedelta(days=400)), NETWORK_FLOW, TENANT, NOON)
    assert event[TIMESTAMP] == format_time(NOON + timedelta(minutes=2))


def test_an_old_event_keeps_its_time() -> None:
    event = enrich(at(NOON - timedelta(days=2000)), NETWORK_FLOW, TENANT, NOON)
    assert event[TIMESTAMP] == format_time(NOON - timedelta(days=2000))
